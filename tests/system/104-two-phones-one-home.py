"""Two phones behind one home router call the office at the same time."""

from lab.expect import hear_each_other
from lab.office import Home, Office


def test_both_talk_at_once():
    with Office(homes=[Home('A', phones=2)], office_phones=2) as office:
        homes = [office.home(index=i, number=201 + i) for i in (0, 1)]
        desks = [office.desk(i) for i in (0, 1)]
        for home, desk in zip(homes, desks):
            home.call(desk)
        for home, desk in zip(homes, desks):
            hear_each_other(home, desk)
        for home, desk in zip(homes, desks):
            home.hang_up()
            desk.closed()
