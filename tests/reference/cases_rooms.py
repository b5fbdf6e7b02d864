"""Stories about rooms and persons that hold many: 一址多照, 集中注册, 高危地址, 一人多企, 短期多设, hosts, bare names.

Called by `cases`; every story draws its counts and days around the thresholds of contract §4.
"""

from __future__ import annotations

from datetime import timedelta

from tests.reference.cases_maker import NAMES, RECEIVED, Maker, Person, Room, days

HOST_MARKS = ("(集群注册)", "（托管:测试商务秘书）", "（自主申报）", "（一照多址）")


def crowded_room(maker: Maker) -> None:
    """Around 5, 10, 20 live ones at a room, beside suspended, ended, moved and branch ones."""
    room = maker.room()
    count = maker.random.choice((4, 5, 5, 5, 6, 6, 9, 10, 10, 11, 19, 20, 21, 50))
    for _ in range(count):
        maker.enterprise(maker.moment(1500, 200), address=maker.address(room))
    for _ in range(maker.random.randrange(4)):
        if maker.random.random() < 0.4:
            leave_or_return(maker, maker.enterprise(maker.moment(1500, 200), address=maker.address(room)), room)
        else:
            almost_counts(maker, room)


def leave_or_return(maker: Maker, subject: str, room: Room) -> None:
    """Ends and comes back, or moves out and perhaps back in."""
    at = maker.moment(190, 20)
    if maker.random.random() < 0.5:
        maker.end(subject, at)
        if maker.random.random() < 0.7:
            maker.enterprise(at + days(3), address=maker.address(room), code=subject)
    else:
        maker.emit(subject, "registration.changed", at, address=maker.address(maker.room(shared=0.3)))
        if maker.random.random() < 0.7:
            maker.emit(subject, "registration.changed", at + days(5), address=maker.address(room))


def almost_counts(maker: Maker, room: Room) -> None:
    """A suspended, a resumed, a branch, an ended one, or one that never was established."""
    form = maker.random.randrange(6)
    address = maker.address(room)
    if form == 0:
        maker.enterprise(address=address, kind="branch")
    elif form == 1:
        maker.end(maker.enterprise(address=address), maker.moment(9, 1))
    elif form == 2:
        subject = maker.code()
        maker.emit(subject, "registration.changed", maker.moment(), address=address)
        if maker.random.random() < 0.5:
            maker.blacken(subject, maker.moment(300, 20))
    else:
        subject = maker.enterprise(address=address)
        suspend(maker, subject)


def suspended_room(maker: Maker) -> None:
    """Five that count and five more that are, were or will be suspended."""
    room = maker.room()
    for place in range(10):
        subject = maker.enterprise(maker.moment(1500, 200), address=maker.address(room))
        if place >= 5:
            suspend(maker, subject)
            if maker.random.random() < 0.2:
                maker.enterprise(maker.moment(20, 9), address=maker.address(room), code=subject)


def suspend(maker: Maker, subject: str) -> None:
    """Suspensions that go on, ended by `resumed`, by their day, or follow one another."""
    at = maker.moment(150, 30)
    today = RECEIVED.date()
    until = (today + timedelta(days=maker.random.choice((-20, -1, 0, 0, 1, 30)))).isoformat()
    form = maker.random.randrange(6)
    first = maker.emit(subject, "registration.suspended", at, **({"until": until} if form < 4 else {}))
    if form == 1:
        maker.emit(subject, "registration.resumed", at + days(2))
    elif form == 2:
        maker.emit(subject, "registration.resumed", at + days(2))
        maker.emit(subject, "registration.suspended", at + days(4))
    elif form == 3:
        maker.emit(subject, "registration.suspended", at + days(4), until=(today - timedelta(3)).isoformat())
    elif form == 5:
        resumed = maker.emit(subject, "registration.resumed", at)
        maker.after(first, resumed, reverse=maker.random.random() < 0.5)


def room_burst(maker: Maker) -> None:
    """Establishments at a room around 5 and 10 within 30 days, the last around 180 days ago or lately."""
    room = maker.room()
    count = maker.random.choice((4, 5, 5, 6, 9, 10, 11))
    last = maker.near(RECEIVED, -180, -100, -10)
    first = maker.near(last, -30)
    moments = [first, last] + [maker.moment_between(first, last) for _ in range(count - 2)]
    if maker.random.random() < 0.3:
        moments += [at + days(50) for at in moments if at + days(50) <= RECEIVED][:5]
    for at in moments:
        subject = maker.enterprise(at, address=maker.address(room))
        form = maker.random.random()
        if form < 0.1:
            maker.end(subject, at + days(1))
        elif form < 0.2:
            maker.emit(subject, "registration.changed", at + days(1), address=maker.address(maker.room()))
        elif form < 0.25:
            maker.enterprise(at + days(40), address=maker.address(room), code=subject)
    if maker.random.random() < 0.5:
        maker.enterprise(last, address=maker.address(room), kind="branch")


def risky_room(maker: Maker) -> None:
    """4 to 12 ever registered, of them a share around 30 or 60 % revoked or listed; hosts as well."""
    mark = maker.random.choice(("", "", HOST_MARKS[0], HOST_MARKS[2]))
    room = maker.room(mark=mark)
    count, bad = maker.random.choice(((4, 4), (5, 1), (5, 3), (6, 2), (10, 3), (10, 6), (7, 2), (10, 5), (12, 4)))
    for place in range(count):
        if maker.random.random() < 0.1:
            subject = maker.code()
            maker.emit(subject, "registration.changed", maker.moment(1500, 300), address=maker.address(room))
        else:
            subject = maker.enterprise(maker.moment(1500, 300), address=maker.address(room))
        if maker.random.random() < 0.2:
            maker.emit(subject, "registration.changed", maker.moment(200, 9), address=maker.address(maker.room()))
        if place < bad:
            maker.blacken(subject, maker.moment(180, 20))
            if maker.random.random() < 0.1:
                maker.end(subject, maker.moment(19, 9))
            elif maker.random.random() < 0.05:
                maker.enterprise(maker.moment(19, 9), address=maker.address(maker.room()), code=subject)
    if maker.random.random() < 0.3:
        maker.blacken(maker.enterprise(address=maker.address(room), kind="branch"), maker.moment(180, 20))


def busy_person(maker: Maker) -> None:
    """Leads around 5, 10, 20 live enterprises, beside ended, cancelled, given up and branch ones."""
    person = maker.person()
    for _ in range(maker.random.choice((4, 5, 5, 5, 6, 10, 10, 11, 20, 20))):
        subject = maker.enterprise(maker.moment(1500, 300), leads=(person,))
        form = maker.random.random()
        at = maker.moment(290, 9)
        if form < 0.04:
            maker.end(subject, at)
        elif form < 0.06:
            suspend(maker, subject)
        elif form < 0.12:
            maker.emit(subject, "registration.changed", at, persons=maker.leads(maker.person(), others=(person,)))
        elif form < 0.18:
            maker.end(subject, at, "cancelled")
            maker.enterprise(at + days(1), leads=(person,), code=subject)
    for _ in range(maker.random.randrange(3)):
        maker.enterprise(leads=(person,), kind="branch")


def person_burst(maker: Maker) -> None:
    """Establishments led by one person around 3 and 5 within 30 days."""
    person = maker.person()
    last = maker.near(RECEIVED, -180, -120, -20)
    first = maker.near(last, -30)
    count = maker.random.choice((2, 3, 3, 4, 5, 6))
    for at in [first, last] + [maker.moment_between(first, last) for _ in range(count - 2)]:
        subject = maker.enterprise(at, leads=(person,))
        form = maker.random.random()
        if form < 0.1:
            maker.end(subject, at + days(3))
        elif form < 0.2:
            maker.end(subject, at + days(3), "cancelled")
        elif form < 0.3:
            maker.emit(subject, "registration.changed", at + days(3), persons=maker.leads(maker.person()))
    if maker.random.random() < 0.4:
        maker.enterprise(last, leads=(person,), kind="branch")


def bare_names(maker: Maker) -> None:
    """One bare name in two counties, some moving between them, some without any county; a burst at times."""
    name: Person = {"name": maker.random.choice(NAMES) + str(maker.number())}
    here, there = maker.random.sample(("330106", "330203", "330302", "330782"), 2)
    burst = maker.random.random() < 0.5
    nowhere = maker.random.random() < 0.15
    start = maker.moment(200, 40)
    for _ in range(maker.random.choice((3, 5, 6, 10, 11))):
        at = start + days(maker.random.uniform(0, 20)) if burst else maker.moment(900, 100)
        room = maker.room(region=maker.random.choice((here, here, here, there)))
        address = {"text": f"测试村{maker.number()}号"} if nowhere else maker.address(room)
        subject = maker.enterprise(at, address=address, leads=(name,))
        form = maker.random.random()
        if form < 0.15:
            moved = maker.address(maker.room(region=maker.random.choice((here, there))))
            maker.emit(subject, "registration.changed", at + days(30), address=moved)
        elif form < 0.2:
            maker.emit(subject, "registration.changed", at + days(30), address={"text": f"测试村{maker.number()}号"})
        elif form < 0.35:
            maker.blacken(subject, at + days(20))
    if maker.random.random() < 0.5:
        listed = maker.enterprise(maker.moment(900, 100), address=maker.address(maker.room(region=here)), leads=(name,))
        maker.emit(listed, "court.defaulter_listed", maker.moment(90, 9), person=dict(name), document="bare")


def changing_host(maker: Maker) -> None:
    """5 to 8 at a room whose kind is declared one way, then another, or only shown by its text."""
    room = maker.room(mark=maker.random.choice(("", *HOST_MARKS)))
    kinds = [
        maker.random.choice((None, "cluster", "incubator", "market", "platform", "office", "rural")) for _ in range(3)
    ]
    start = RECEIVED - days(maker.random.choice((25, 170, 181)))
    subjects = [
        maker.enterprise(start + days(maker.random.uniform(0, 20)), address=maker.address(room))
        for _ in range(maker.random.choice((5, 6, 8)))
    ]
    maker.blacken(maker.enterprise(address=maker.address(room)), maker.moment(90, 9))
    maker.blacken(maker.enterprise(address=maker.address(room)), maker.moment(90, 9))
    at = maker.moment(160, 21)
    told = [
        maker.emit(
            maker.random.choice(subjects), "registration.changed", at + days(step), address=maker.address(room, kind)
        )
        for step, kind in enumerate(kinds)
        if kind
    ]
    if len(told) > 1 and maker.random.random() < 0.4:
        told[1]["time"] = told[0]["time"]
        told[0]["subject"] = told[1]["subject"]


def strange_place(maker: Maker) -> None:
    """Several at a link, a market on a market road, a bare house number, or a text that names no room."""
    number = maker.number()
    link = f"shop.example.com/s/{number}"
    texts = maker.random.choice(
        (
            (f"https://{link}", f"http://{link}", link),
            (f"浙江省金华市义乌市市场路{number}号国际商贸市场3区2楼{number}号摊位",),
            (f"浙江省杭州市西湖区市场路{number}号", f"杭州市西湖区市场路{number}号"),
            (
                f"杭州市西湖区文三路{number}号",
                f"杭州市西湖区文三路{number}号对面",
                f"杭州市西湖区文三路{number}号101室",
            ),
            (f"浙江省宁波市海曙区解放路{number}号创新孵化器2幢201室", f"宁波市海曙区解放路{number}号2幢201室"),
            (f"绍兴市诸暨市学院路{number}号旁", f"绍兴市诸暨市学院路与{number}号路口"),
            (f"杭州市江干区凤起路{number}号5幢501室", f"杭州市上城区凤起路{number}号5幢501室"),
        )
    )
    for place in range(maker.random.choice((4, 5, 6, 9))):
        address = {"text": texts[place % len(texts)]}
        if maker.random.random() < 0.2:
            address["region"] = maker.random.choice(("330102", "330106", "330203"))
        subject = maker.enterprise(maker.moment(200, 9), address=address)
        if place < 2:
            maker.blacken(subject, maker.moment(100, 9))
        elif maker.random.random() < 0.3:
            maker.emit(subject, "registration.changed", maker.moment(100, 9), address=maker.unlocatable())


def hub(maker: Maker, form: int) -> None:
    """A room or person with 200 or 201 enterprises, ended ones among them, branches and cancelled ones beside.

    `form` counts through the four; a person's last one is established after the end of some others.
    """
    person, room = maker.person(), maker.room()
    by_person = form % 2 == 0
    limit = 200 + form // 2 % 2 - by_person

    first = maker.random.choice((1500, 1500, 170))

    def member(kind: str = "enterprise") -> str:
        at = maker.moment(first, 150)
        if by_person:
            return maker.enterprise(at, leads=(person,), kind=kind)
        return maker.enterprise(at, address=maker.address(room), kind=kind)

    members = [member() for _ in range(limit)]
    for subject in members[:6]:
        maker.blacken(subject, maker.moment(140, 110))
    for subject in members[6:9]:
        maker.end(subject, maker.moment(140, 110), "deregistered")
        maker.emit(subject, "enforcement.penalised", maker.moment(300, 30), document=maker.document())
    for _ in range(3):
        member("branch")
        if by_person:
            maker.end(member(), maker.moment(30, 9), "cancelled")
    if by_person:
        maker.emit(members[9], "court.defaulter_listed", maker.moment(60, 9), person=dict(person), document="hub")
    maker.enterprise(maker.moment(100, 20), leads=(person,), address=maker.address(maker.room()), industry="F5191")
