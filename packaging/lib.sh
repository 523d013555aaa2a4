# Shared by quickstart and run-tests (bash): steps with their time, and the
# packages each of them needs. One list, so that none is forgotten.
#
#	step "building" ninja -C build		output goes to $LOG_DIR/building.log
#	need build run				installs what is missing

NEED_build='gcc libc6-dev meson ninja-build pkg-config libuv1-dev libssl-dev
	libsqlite3-dev libsodium-dev libseccomp-dev libinih-dev libc-ares-dev
	libsrtp2-dev check'
NEED_run='runit sqlite3 nftables passwd procps iproute2 util-linux'
NEED_demo='baresip-core python3'
NEED_test='clang-14 libclang-rt-14-dev python3 git binutils sip-tester coturn
	tcpdump tshark strace sipvicious sngrep kamailio kamailio-tls-modules systemd linphone-cli
	openssl bind9 bind9-dnsutils'
NEED_boot='mmdebstrap'
NEED_analyse='clang-tidy-14 cppcheck python3'

now() {
	date +%s
}

# The last line a step wrote, short and without control characters.
last_line() {
	tail -c 2000 "$1" 2>/dev/null | tr '\r' '\n' | grep -v '^[[:space:]]*$' |
	    tail -n 1 | tr -cd '[:print:]' | cut -c 1-60
}

# Run a command with its output in a log; say what is done, how long it took,
# and every ten seconds that it is still at it.
step() {
	local what=$1 log started pid rc said=10 took
	shift
	mkdir -p "$LOG_DIR"
	log="$LOG_DIR/$(printf %s "$what" | tr -c 'a-zA-Z0-9\n' '-').log"
	STEP_LOG=$log
	started=$(now)
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		took=$(($(now) - started))
		if [ "$took" -ge "$said" ]; then
			echo "  ... $what, ${took} s so far: $(last_line "$log")"
			said=$((took + 10))
		fi
	done
	wait "$pid"
	rc=$?
	took=$(($(now) - started))
	if [ "$rc" -eq 0 ]; then
		echo "$what: done in ${took} s"
	else
		echo "$what: FAILED after ${took} s; the end of $log:"
		tail -n 25 "$log" | sed 's/^/    /'
	fi
	return "$rc"
}

missing_packages() {
	local group package list
	for group in "$@"; do
		list="NEED_$group"
		for package in ${!list}; do
			dpkg-query -W -f '${db:Status-Status}\n' "$package" \
			    2>/dev/null | grep -qx installed ||
				echo "$package"
		done
	done
}

# No daemon of a package is to start by itself on this machine: we run our
# own (coturn, runit).
apt_install() {
	local guard=/usr/sbin/policy-rc.d rc
	export DEBIAN_FRONTEND=noninteractive
	if [ ! -e "$guard" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$guard"
		chmod 755 "$guard"
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT
	fi
	apt-get install -y --no-install-recommends "$@"
	rc=$?
	# An index that is missing or old is the usual reason.
	if [ "$rc" -ne 0 ]; then
		apt-get update && apt-get install -y --no-install-recommends "$@"
		rc=$?
	fi
	return "$rc"
}

# Install the packages of these groups that are not there.
need() {
	local missing
	if ! command -v dpkg-query >/dev/null; then
		echo "this is not Debian: the packages $* must be there already"
		return 0
	fi
	mapfile -t missing < <(missing_packages "$@")
	[ "${#missing[@]}" -eq 0 ] && return 0
	if [ "$(id -u)" -ne 0 ]; then
		echo "missing packages; as root: apt-get install ${missing[*]}"
		return 1
	fi
	echo "installing ${#missing[@]} packages: ${missing[*]}"
	step "install packages" apt_install "${missing[@]}"
}

# The user of each process. They own nothing but their own files.
make_users() {
	local user
	for user in postern-sig postern-media postern-stun postern-db \
	    postern-key postern-trace; do
		getent passwd "$user" >/dev/null && continue
		useradd --system --user-group --no-create-home \
		    --home-dir /nonexistent --shell /usr/sbin/nologin "$user" ||
			return 1
		echo "made the system user $user"
	done
}
