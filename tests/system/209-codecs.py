"""Codecs of one subscriber: only those its row names are spoken from outside; without any the call is refused, and says why."""

from lab.expect import hear_each_other
from lab.office import Office


def allow(office, codecs):
    """What an admin types."""
    office.postern.sql(f"UPDATE subscriber SET codecs = '{codecs}' WHERE number = '201';\n")
    office.postern.in_effect()


def spoken(phone):
    """The payload types it heard last."""
    return {r.payload_type for _, r in phone.ear.incoming()[-20:]}


def test_only_what_is_allowed():
    with Office() as office:
        home, desk = office.home(codec='pcmu,pcma'), office.desk(codec='pcmu,pcma')
        for codecs, kind, caller, called in (('', 0, home, desk), ('PCMA', 8, home, desk), ('pcma, pcmu', 8, desk, home)):
            allow(office, codecs)
            caller.call(called)
            hear_each_other(home, desk, 0.5)
            assert (spoken(home), spoken(desk)) == ({kind}, {kind}), (codecs, spoken(home), spoken(desk))
            caller.hang_up()
            called.closed()
        allow(office, 'G722')
        desk.dial(201)
        assert '488' in desk.closed(5)
        home.dial(168)
        assert '488' in home.closed(5)
        refused = office.records()[-2:]
        assert [(r['status'], r['reason']) for r in refused] == [(488, 'no-codec')] * 2, refused
