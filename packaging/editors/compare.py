#!/usr/bin/env python3
"""Holds the three cut lists of a recording against each other and against its journal.

    compare.py OTIOREAD-OUTPUT OPENSHOTREAD-OUTPUT MEDIA SHOW.session

reads what otioread printed of SHOW.otio, what openshotread printed of SHOW.edl, what ffprobe says
of the files (MEDIA: a path, a tab and its JSON, a line), and SHOW.edl, SHOW.fcpxml and
SHOW.session, with Python's own XML and JSON and nothing of Crosspoint's. Every list is made into what
it asks for at each frame: a picture of a file, a mixture of two, or black; the same for each
track of sound, and the markers. Each difference is a sentence, and the status is 1.
"""

import fractions
import json
import os
import re
import sys
import urllib.parse
import xml.etree.ElementTree

BLACK = ("black",)


class Cut:
    """What a list asks for: by frame, the picture and, by track in order, the sound. Without
    markers (None) it is of a reader that knows of none, nor of all names."""

    def __init__(self, name):
        self.name, self.video, self.audio, self.markers, self.names = name, {}, [], [], {}
        self.rate, self.assets = None, []

    def mixed(self, begin, length, before, after):
        for i in range(begin, begin + length):
            self.video[i] = ("mix", before(i), after(i))


def spoken(what):
    """A picture in words."""
    if what is None:
        return "nothing"
    if what == BLACK:
        return "black"
    if what[0] == "mix":
        return "a mix of %s and %s" % (spoken(what[1]), spoken(what[2]))
    return "frame %d of %s" % (what[1], os.path.basename(what[0]))


def read_otio(path):
    """What the reference library printed, of the tracks that are switched on."""
    cut = Cut("OpenTimelineIO")
    on, kind, before = False, "", None
    dissolves, clips, first = [], [], 0
    audio = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            f = line.rstrip("\n").split("\t")
            if f[0] == "timeline":
                cut.rate, first = float(f[1]), int(f[2])
            elif f[0] == "track":
                kind, on, name = f[1], f[2] == "on", f[3]
                if kind == "Audio":
                    audio = {}
                    cut.audio.append((name, audio))
            elif f[0] == "marker":
                cut.markers.append((int(f[1]), f[4]))
            elif kind == "Audio" and f[0] == "clip":
                for i in range(int(f[2])):
                    audio[int(f[1]) + i] = (f[7], int(f[3]) + i)
            elif kind == "Video" and on and f[0] in ("clip", "gap"):
                clips.append((int(f[1]), int(f[2]), (f[7], int(f[3])) if f[0] == "clip" else None, f[6] if f[0] == "clip" else f[3]))
            elif kind == "Video" and on and f[0] == "dissolve":
                dissolves.append((int(f[1]), int(f[2]), len(clips)))

    def shows(clip):
        return lambda i: BLACK if clip[2] is None else (clip[2][0], clip[2][1] + i - clip[0])

    for c in clips:
        cut.names[c[0]] = c[3]
        for i in range(c[0], c[0] + c[1]):
            cut.video[i] = shows(c)(i)
    for at, length, n in dissolves:
        cut.mixed(at, length, shows(clips[n - 1]), shows(clips[n]))
    return cut, first


EVENT = re.compile(r"(\d{3})  (\S+) +(V|AA|A\d+) +(C|D) +(\d{3})? +(\S+) (\S+) (\S+) (\S+)$")


def timecode(text, rate):
    """A non-drop timecode as a number of frames; the frames of a second are the rate's next whole number."""
    base = round(rate)
    h, m, s, f = map(int, text.split(":"))
    if f >= base:
        raise SystemExit("The EDL has a timecode %s at %g frames per second." % (text, rate))
    return ((h * 60 + m) * 60 + s) * base + f


def new_event():
    return {"edits": [], "files": {}, "names": {}, "side": "FROM"}


def read_edl(path, rate):
    """CMX 3600, with file names in comments. Events of one number belong together."""
    cut, events = Cut("EDL"), {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            found = EVENT.match(line)
            if found:
                number, reel, channel, kind, length, *times = found.groups()
                event = events.setdefault(number, new_event())
                event["edits"].append((channel, reel, kind, int(length or 0), *(timecode(t, rate) for t in times)))
            elif line.startswith("* LOC: "):
                words = line[7:].split(None, 2)
                cut.markers.append((timecode(words[0], rate), words[2]))
            elif " CLIP NAME: " in line:
                event["side"], name = line[2:].split(" CLIP NAME: ", 1)
                event["names"][event["side"]] = name
            elif line.startswith("* SOURCE FILE: "):
                event["files"][event["side"]] = line[len("* SOURCE FILE: "):]
            elif line and not line.startswith(("TITLE: ", "FCM: ")):
                raise SystemExit("The EDL has a line that is none: %s" % line)
    play(events, cut)
    return cut


def play(events, cut):
    """What the events of an EDL ask for."""
    channels = {}
    for number, event in events.items():
        for n, (channel, reel, kind, length, a, b, c, d) in enumerate(event["edits"]):
            if b - a != d - c:
                raise SystemExit("Event %s of the EDL has %d frames of source for %d." % (number, b - a, d - c))
            side = "FROM" if kind == "C" else "TO"

            def shows(reel=reel, side=side, a=a, c=c, event=event):
                return lambda i: BLACK if reel == "BL" else (event["files"].get(side), a + i - c)

            if channel != "V":
                track = channels.setdefault(channel, {})
                for i in range(c, d):
                    track[i] = shows()(i)
                continue
            if d > c:
                cut.names[c + length // 2] = event["names"].get(side)
            for i in range(c + length, d):
                cut.video[i] = shows()(i)
            if kind == "D":
                _, r, _, _, a0, _, c0, _ = event["edits"][n - 1]
                cut.mixed(c, length, shows(r, "FROM", a0, c0), shows())
    cut.audio = sorted(channels.items(), key=lambda c: (c[0] != "AA", c[0]))  # the programme's first


def read_openshot(path, rate):
    """What openshotread printed: the events that OpenShot hears of, as a cut, and the clips that
    it makes of them, by the number of their event."""
    heard, events, clips, refused, order = Cut("OpenShot"), {}, {}, {}, {}
    heard.markers = None  # it does not look for them
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            what, *f = line.rstrip("\n").split("\t")
            if what == "event":
                number, reel, channel, kind, *times = f
                length = 0
                if kind == "D":  # it takes the length of a dissolve for a part of the time behind it
                    length, times[0] = times[0].split()
                event = events.setdefault(number, new_event())
                event["edits"].append((channel, reel, kind, int(length), *(timecode(t, rate) for t in times)))
            elif what == "name":
                event["names"]["FROM"] = f[0]
            elif what == "file":
                order.setdefault(number, []).append(f[0])
            elif what == "clip":
                clips.setdefault(f[0], []).append(f[1:])
            elif what == "refused":
                refused[f[0]] = f[1]
            elif what == "fcm" and f[0] != "NON-DROP FRAME":
                raise SystemExit("OpenShot takes the EDL's timecode for %s." % f[0])
    for number, event in events.items():
        sides = ["FROM" if edit[2] == "C" else "TO" for edit in event["edits"] if edit[1] != "BL"]
        event["files"] = dict(zip(sides, order.get(number, [])))
    play(events, heard)
    # TO CLIP NAME is nothing that it looks for.
    heard.names = {at: name for at, name in heard.names.items() if name is not None}
    return heard, events, clips, refused


def placed(events, clips, refused, rate):
    """The clips that OpenShot makes against the events that they are of."""
    def frames(seconds):
        """Its seconds are those of the timecode, with the frames behind the point."""
        whole = int(float(seconds) + 1e-6)
        n = (float(seconds) - whole) * rate
        if abs(n - round(n)) > 1e-3:
            raise SystemExit("OpenShot has a time of %s, which is no frame." % seconds)
        return whole * round(rate) + round(n)

    for number, event in events.items():
        channel, reel, kind, _, a, b, c, d = event["edits"][-1]
        made = clips.get(number, [])
        if kind == "D" and reel != "BL":
            if made or "could not convert" not in refused.pop(number, ""):
                yield "OpenShot makes something of the dissolve of event %s: that was not known." % number
            continue
        if kind == "D":  # to black, of which it leaves out that line
            channel, reel, kind, _, a, b, c, d = event["edits"][0]
        if reel == "BL":
            continue
        want = (c, a, b, "v" if channel == "V" else "a", reel, event["names"].get("FROM"), event["files"].get("FROM"))
        have = [(*(frames(t) for t in clip[:3]), *clip[3:]) for clip in made]
        if have != [want]:
            yield "OpenShot makes of event %s %s, which should be %s." % (number, have, want)
    for number, why in refused.items():
        yield "OpenShot refuses event %s: %s." % (number, why)


def read_fcpxml(path, rate):
    """FCPXML: the spine and what is connected below its clips."""
    cut = Cut("FCPXML")
    root = xml.etree.ElementTree.parse(path).getroot()
    frame = fractions.Fraction(root.find("resources/format").get("frameDuration").rstrip("s"))
    if abs(1 / frame - fractions.Fraction(rate)) > 1e-4:
        raise SystemExit("The FCPXML has %s frames per second, the OpenTimelineIO %g." % (1 / frame, rate))

    def frames(text):
        n = fractions.Fraction(text.rstrip("s")) / frame
        if n.denominator != 1:
            raise SystemExit("The FCPXML has a time %s that is no whole number of frames." % text)
        return int(n)

    assets, formats = {}, {f.get("id"): f for f in root.iter("format")}
    for a in root.iter("asset"):
        cut.assets.append((a, formats.get(a.get("format"))))
        assets[a.get("id")] = urllib.parse.unquote(urllib.parse.urlparse(a.get("src")).path), frames(a.get("start")), frames(a.get("duration"))
    items, transitions, lanes = [], [], {}

    def of(item):
        at, start, length = (frames(item.get(k)) for k in ("offset", "start", "duration"))
        if item.tag == "gap":
            return at, length, lambda i: BLACK
        file, first, have = assets[item.get("ref")]
        if start < first or start + length > first + have:
            raise SystemExit("A clip %s of the FCPXML asks for frames that its asset does not have." % item.get("name"))
        return at, length, lambda i: (file, start + i - at)

    for item in root.find("library/event/project/sequence/spine"):
        if item.tag == "transition":
            transitions.append((frames(item.get("offset")), frames(item.get("duration")), len(items)))
            continue
        at, length, shows = of(item)
        cut.names[at] = item.get("name")
        items.append(shows)
        for i in range(at, at + length):
            if i in cut.video:
                raise SystemExit("Two clips of the FCPXML overlap at frame %d." % i)
            cut.video[i] = shows(i)
        for joined in item.findall("asset-clip"):
            lane = lanes.setdefault(-int(joined.get("lane")), {})
            begin, n, heard = of(joined)  # its offset is in the parent's own time, which is the studio's
            for i in range(begin, begin + n):
                lane[i] = heard(i)
        for m in item.findall("marker"):
            cut.markers.append((frames(m.get("start")), m.get("value")))
    for at, length, n in transitions:
        cut.mixed(at, length, items[n - 1], items[n])
    cut.audio, cut.rate = sorted(lanes.items()), float(1 / frame)
    return cut


def differences(a, b):
    """The first and the number of frames of each kind at which two lists differ."""
    def of(what, x, y):
        frames = [i for i in sorted(set(x) | set(y)) if x.get(i) != y.get(i)]
        if frames:
            i = frames[0]
            yield "%s and %s differ in %d frames of %s, first at %d: %s there, %s here." % (
                a.name, b.name, len(frames), what, i, spoken(x.get(i)), spoken(y.get(i)))

    yield from of("pictures", a.video, b.video)
    if len(a.audio) != len(b.audio):
        yield "%s has %d tracks of sound, %s %d." % (a.name, len(a.audio), b.name, len(b.audio))
    for (name, x), (_, y) in zip(a.audio, b.audio):
        yield from of("the sound \"%s\"" % name, x, y)
    line = lambda text: " ".join((text or "").split())
    names = a.names if b.markers is not None else {at: a.names[at] for at in a.names if at in b.names}
    for what, x, y in (("markers", sorted(a.markers), sorted(a.markers if b.markers is None else b.markers)), ("names", sorted(names.items()), sorted(b.names.items()))):
        x, y = [(i, line(s)) for i, s in x], [(i, line(s)) for i, s in y]
        if x != y:
            yield "%s and %s have other %s: %s there, %s here." % (a.name, b.name, what, sorted(set(x) - set(y)) or "no more", sorted(set(y) - set(x)) or "no more")


def against_journal(cut, path):
    """What was on programme by the journal of commands against what the list shows."""
    looks, marks, source, left, cuts = [], [], {}, [], []
    with open(path, encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            said = json.loads(line)
            if said.get("do") in ("cut", "auto", "ftb"):
                cuts.append((said["at"], said["do"]))
            elif "look" in said:
                looks.append((said["at"], said["look"]))
            elif "mark" in said:
                marks.append((said["at"], " ".join(said["mark"].split())))
            elif "file" in said:
                source[os.path.basename(said["file"]["path"])] = said["file"].get("source", "")
            elif "left" in said and said["left"].get("to"):
                left.append(said["left"])
    for at, do in cuts:
        if at not in (a for a, _ in looks):
            yield "The journal has \"%s\" at %d, and no other look from there on." % (do, at)
    # What a pause left out of the programme's recording is not in the lists either: the show
    # goes on right after it.
    pauses = sorted({(p["from"], p["to"]) for p in left if source.get(os.path.basename(p["path"])) == ""})

    def frame(tick):
        """The frame of the lists that shows a tick; of one that is left out, where it goes on."""
        return tick - sum(min(tick, to) - start for start, to in pauses if start < tick)

    paused = {t for start, to in pauses for t in range(start, to)}
    wrong = []
    for (at, look), (end, _) in zip(looks, looks[1:] + [(max(cut.video) + 1 + len(paused), None)]):
        for i in range(at, end):
            have = None if i in paused else cut.video.get(frame(i))
            if have is None:
                continue  # not recorded
            if look.get("mixed"):
                good = have[0] == "mix" or have != BLACK and source[os.path.basename(have[0])] == ""
            elif have == BLACK or have[0] == "mix":
                good = look.get("black", False) and have == BLACK
            else:
                good = have[1] == i and source[os.path.basename(have[0])] in ("", look.get("source", "")) and not look.get("black")
            if not good:
                wrong.append((i, look, have))
    if wrong:
        yield "On programme at frame %d was %s, the lists show %s (%d frames are like that)." % (wrong[0][0], wrong[0][1], spoken(wrong[0][2]), len(wrong))
    marks = sorted((frame(at), text) for at, text in marks if frame(at) in cut.video)
    if marks != sorted((i, " ".join(s.split())) for i, s in cut.markers):
        yield "The journal has the marks %s, the lists %s." % (marks, cut.markers)


def against_media(cut, path):
    """What the FCPXML says of its files, whose times the other lists have too, against ffprobe."""
    media = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            name, said = line.split("\t", 1)
            media[name] = json.loads(said)
    seconds = lambda text: float(fractions.Fraction(text.rstrip("s")))
    for asset, pictures in cut.assets:
        path = urllib.parse.unquote(urllib.parse.urlparse(asset.get("src")).path)
        said = media.get(path)
        if said is None:
            yield "ffprobe knows of no file %s." % path
            continue
        first = {s["codec_type"]: s for s in reversed(said["streams"])}
        video, audio = first.get("video"), first.get("audio")
        lower = {k.lower(): v for of in [said["format"], *said["streams"]] for k, v in of.get("tags", {}).items()}
        if (video is None) != (pictures is None) or (audio is None) == bool(asset.get("hasAudio")):
            yield "%s is said to have what it has not, or not what it has." % path
            continue
        shown = cut.rate
        if video:
            # By the average: pictures that came late may be anywhere in a copied file.
            shown = cut.rate / max(round(cut.rate / float(fractions.Fraction(video["avg_frame_rate"]))), 1)
            have = "%sx%s at %.3f" % (video["width"], video["height"], shown)
            want = "%sx%s at %.3f" % (pictures.get("width"), pictures.get("height"), 1 / seconds(pictures.get("frameDuration")))
            if have != want:
                yield "%s has pictures of %s, the FCPXML says %s." % (path, have, want)
        if audio and (str(audio["channels"]), audio["sample_rate"]) != (asset.get("audioChannels"), asset.get("audioRate")):
            yield "%s has %d channels at %s, the FCPXML says %s at %s." % (path, audio["channels"], audio["sample_rate"], asset.get("audioChannels"), asset.get("audioRate"))
        if "timecode" in lower and timecode(lower["timecode"], shown) * round(cut.rate / shown) != round(seconds(asset.get("start")) * cut.rate):
            yield "%s begins with %s, the FCPXML says %s." % (path, lower["timecode"], asset.get("start"))
        # Pictures to the frame; of sound what is left over of a frame counts too.
        length, told = video or audio, seconds(asset.get("duration")) * cut.rate
        clock = length.get("tags", {}).get("DURATION") or length.get("duration")
        lasts = sum(float(n) * of for n, of in zip(reversed(clock.split(":")), (1, 60, 3600))) * cut.rate
        if video and abs(lasts - told) > 0.5 or not video and not -0.5 < told - lasts < 1.5:
            yield "%s is %.2f frames long, the FCPXML says %g." % (path, lasts, told)


def main():
    printed, openshot, media, journal = sys.argv[1:]
    stem = os.path.splitext(journal)[0]
    otio, _ = read_otio(printed)
    edl, fcpxml = read_edl(stem + ".edl", otio.rate), read_fcpxml(stem + ".fcpxml", otio.rate)
    heard, events, clips, refused = read_openshot(openshot, otio.rate)
    dissolves = len(refused)
    wrong = [*differences(otio, edl), *differences(otio, fcpxml), *against_journal(otio, journal), *differences(otio, heard), *placed(events, clips, refused, otio.rate),
             *against_media(fcpxml, media)]
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    mixes = sum(1 for i, v in otio.video.items() if v[0] == "mix")
    print("%d frames, %d of them mixed, from %d files; %d clips, %d tracks of sound, %d markers: %s" % (
        len(otio.video), mixes, len({v[0] for v in otio.video.values() if v[0] not in ("mix", "black")}), len(otio.names), len(otio.audio), len(otio.markers),
        "the lists differ" if wrong else "OpenTimelineIO, EDL, FCPXML and the journal agree"))
    print("OpenShot's importer heard %d events and made %d clips; it cannot place the %d dissolves" % (len(events), sum(map(len, clips.values())), dissolves))
    return 1 if wrong else 0


sys.exit(main())
