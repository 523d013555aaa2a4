"""Kamailio as an ITSP: a call by DID to a home phone and one from there to the world, with sound both ways."""

from lab import trunk
from lab.expect import hear_each_other
from lab.office import Office
from lab.wait import until

GERMANY = {('site', 'country'): '49', ('site', 'area'): '30'}


def itsp_office():
    """An office in Berlin."""
    return Office(settings=GERMANY)


def prepare(office, **columns):
    """Kamailio and its trunk; home phones may make national calls."""
    itsp = trunk.Itsp(office)
    office.postern.sql("UPDATE class_of_service SET internet = 'internal,national' WHERE name = 'national';")
    trunk.add(office, numbers='e164', username=trunk.ACCOUNT, password=trunk.SECRET, realm=trunk.REALM, **columns)
    office.postern.sql("INSERT INTO did(trunk, pattern, target) VALUES ('itsp', '+493012342XX', '2XX');")
    office.postern.in_effect()
    return itsp


def test_a_call_from_the_world_and_one_to_it():
    with itsp_office() as office:
        itsp = prepare(office)
        home = office.home()
        itsp.phone.dial('sip:+49301234201@' + trunk.ITSP)
        itsp.phone.wait('CALL_ESTABLISHED', 10, unless='CALL_CLOSED')
        home.wait('CALL_ESTABLISHED', 5)
        hear_each_other(home, itsp.phone)
        live, = office.postern.rows('SELECT * FROM live_call')
        assert (live['called'], live['trunk'], live['route'], live['sent'], live['channels']) == \
            ('201', 'itsp', 'did +493012342XX', '+49301234201', 2), live
        assert [t['calls'] for t in trunk.trunks(office)] == [1], trunk.trunks(office)
        itsp.phone.hang_up()
        home.closed()

        home.dial('089987654321')
        home.wait('CALL_ESTABLISHED', 10, unless='CALL_CLOSED')
        itsp.phone.wait('CALL_ESTABLISHED', 5)
        hear_each_other(home, itsp.phone)
        home.hold()
        home.resume()
        home.hang_up()
        itsp.phone.closed()
        record = office.records()[-1]
        assert (record['trunk'], record['route'], record['sent'], record['number_class'], record['status']) == \
            ('itsp', 'prefix', '+4989987654321', 'national', 200), record
        assert trunk.SECRET not in office.postern.logs()


def test_both_processes_die_while_it_talks():
    """sigproxy and registrar-db are killed: the call by the trunk goes on, and ends by either side."""
    with itsp_office() as office:
        itsp = prepare(office)
        home = office.home()
        home.dial('089987654321')
        home.wait('CALL_ESTABLISHED', 10, unless='CALL_CLOSED')
        for role in ('registrar-db', 'sigproxy'):
            old = office.postern.kill(role)
            office.postern.wait_restarted(role, old)
        hear_each_other(home, itsp.phone)
        until(lambda: [t['calls'] for t in trunk.trunks(office)] == [1], 5, 'it counts for the trunk')
        itsp.phone.hang_up()
        home.closed()
        assert office.records()[-1]['ended_by'] == 'called'
