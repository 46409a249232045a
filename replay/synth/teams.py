"""The thirty NBA teams as each source spells them; no people."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NBA_TEAMS", "Club"]


@dataclass(frozen=True, slots=True)
class Club:
    """One team: ESPN's id and abbreviation, the league's id and tricode, place and nickname."""

    espn_id: str
    espn_abbreviation: str
    nba_id: int
    tricode: str
    place: str
    name: str
    color: str

    @property
    def display_name(self) -> str:
        """Place and nickname, as ESPN prints them."""
        return f"{self.place} {self.name}"


def _club(row: str) -> Club:
    espn_id, abbreviation, nba_number, tricode, color, name, place = row.split(maxsplit=6)
    return Club(espn_id, abbreviation, 1610612700 + int(nba_number), tricode, place, name.replace("_", " "), color)


# ESPN id, ESPN abbreviation, NBA id past 1610612700, tricode, color, nickname, place. The two spellings of a team
# differ in six cases (GS GSW, NO NOP, NY NYK, SA SAS, UTAH UTA, WSH WAS), which makes joining by them a trap.
NBA_TEAMS: tuple[Club, ...] = tuple(
    _club(row)
    for row in """
1 ATL 37 ATL c8102e Hawks Atlanta
2 BOS 38 BOS 008348 Celtics Boston
17 BKN 51 BKN 000000 Nets Brooklyn
30 CHA 66 CHA 008ca8 Hornets Charlotte
4 CHI 41 CHI ce1141 Bulls Chicago
5 CLE 39 CLE 860038 Cavaliers Cleveland
6 DAL 42 DAL 0064b1 Mavericks Dallas
7 DEN 43 DEN 0e2240 Nuggets Denver
8 DET 65 DET 1d428a Pistons Detroit
9 GS 44 GSW fdb927 Warriors Golden State
10 HOU 45 HOU ce1141 Rockets Houston
11 IND 54 IND 0c2340 Pacers Indiana
12 LAC 46 LAC 12173f Clippers LA
13 LAL 47 LAL 552583 Lakers Los Angeles
29 MEM 63 MEM 5d76a9 Grizzlies Memphis
14 MIA 48 MIA 98002e Heat Miami
15 MIL 49 MIL 00471b Bucks Milwaukee
16 MIN 50 MIN 266092 Timberwolves Minnesota
3 NO 40 NOP 0a2240 Pelicans New Orleans
18 NY 52 NYK 1d428a Knicks New York
25 OKC 60 OKC 007ac1 Thunder Oklahoma City
19 ORL 53 ORL 0150b5 Magic Orlando
20 PHI 55 PHI 1d428a 76ers Philadelphia
21 PHX 56 PHX 29127a Suns Phoenix
22 POR 57 POR e03a3e Trail_Blazers Portland
23 SAC 58 SAC 5a2d81 Kings Sacramento
24 SA 59 SAS 000000 Spurs San Antonio
28 TOR 61 TOR d91244 Raptors Toronto
26 UTAH 62 UTA 4e008e Jazz Utah
27 WSH 64 WAS e31837 Wizards Washington
""".strip().splitlines()
)
