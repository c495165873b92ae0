#!/usr/bin/env python3
"""Prints what OpenShot's own importer reads in an EDL, one fact a line, its fields separated by tabs.

    openshotread.py OPENSHOT-FOLDER SHOW.session

The EDL is SHOW.edl, the rate that of the journal's show. The importer (classes/importers/edl.py), and what it calls for paths and timecode, is OpenShot's,
untouched. What it needs of a window, of a project and of libopenshot is stood in for below: a file
dialog that answers SHOW.edl, a project of that rate, a file that exists, a clip that is printed when it
is saved. Printed is what its expressions find in each line, in the order of the file, and the clips
that it makes of that:

    title   text
    fcm     text
    event   number  reel  channel  kind  source-in  source-out  record-in  record-out
    name    text    (FROM CLIP NAME)
    file    path    (SOURCE FILE)
    clip    number  position  start  end  v|a  reel  title  path      in OpenShot's seconds
    refused number  why

A clip is printed before the event that made the importer end it.
"""

import fractions
import json
import os
import sys
import types

folder, journal = sys.argv[1], os.path.abspath(sys.argv[2])
path = os.path.splitext(journal)[0] + ".edl"
with open(journal, encoding="utf-8") as head:
    rate = fractions.Fraction(json.loads(next(head))["show"]["canvas"]["fps"])
sys.path.insert(0, folder)


def say(*fields):
    print(*("" if f is None else f for f in fields), sep="\t")


def standin(name, **names):
    """A module of that name, importable, with nothing but names in it."""
    module = types.ModuleType(name)
    module.__dict__.update(names)
    sys.modules[name] = module
    return module


class Nothing:
    """Whatever is asked of a window does nothing."""

    def __getattr__(self, name):
        return Nothing()

    def __call__(self, *args, **kwargs):
        return Nothing()


class Project:
    current_filepath = ""

    def get(self, key):
        return {"fps": {"num": rate.numerator, "den": rate.denominator}, "layers": [{"number": 1000000}]}[key]


class App:
    project, window = Project(), Nothing()

    @staticmethod
    def _tr(text):
        return text


class Saved:
    """A File, a Track or a Clip of the project."""

    id = "1"

    def __init__(self):
        self.data = {}

    def save(self):
        pass

    @classmethod
    def get(cls, **_):
        return None


class Placed(Saved):
    def save(self):
        d = self.data
        sound = "has_video" in d  # it switches the pictures off
        say("clip", reading["number"], repr(d["position"]), repr(d["start"]), repr(d["end"]), "a" if sound else "v", d.get("reel"), d["title"], reading["path"])


class Reader:
    @staticmethod
    def Json():
        return json.dumps({"id": "1", "media_type": "video"})


class Medium:
    """libopenshot's clip of a file."""

    def __init__(self, path):
        reading["path"] = path

    @staticmethod
    def Reader():
        return Reader

    @staticmethod
    def Json():
        return "{}"


class Dialog:
    @staticmethod
    def getOpenFileName(*_):
        return path, ""


def find_missing_file(wanted):
    if not os.path.exists(wanted):
        say("refused", reading["number"], "there is no file %s" % wanted)
        return "", False, True
    return wanted, False, False


reading = {"number": "", "path": ""}
standin("openshot", Clip=Medium, BEZIER=0, LINEAR=1, CONSTANT=2)
standin("PyQt5")
standin("PyQt5.QtWidgets", QFileDialog=Dialog)
standin("windows")
standin("windows.views")
standin("windows.views.find_file", find_missing_file=find_missing_file)
info = standin("classes.info", PATH=folder, HOME_PATH="/root", THUMBNAIL_PATH="/root", COLORS_PATH="/root")
standin("classes.app", get_app=App)
standin("classes.assets", get_assets_path=lambda *_, **__: "/root")
standin("classes.logger", log=Nothing())
standin("classes.image_types", get_media_type=lambda data: data["media_type"])
standin("classes.query", Clip=Placed, Track=Saved, File=Saved)
import classes  # noqa: E402  OpenShot's own package; the modules above are found before its

classes.info = info
from classes.importers import edl  # noqa: E402


class Heard:
    """One of the importer's expressions, which tells what it has found."""

    def __init__(self, what, expression):
        self.what, self.expression = what, expression

    def findall(self, line):
        found = self.expression.findall(line)
        for f in found:
            say(self.what, *([f] if isinstance(f, str) else f))
        return found


for what, name in (("title", "title_regex"), ("fcm", "fcm_regex"), ("event", "clips_regex"), ("name", "clip_name_regex"), ("file", "source_regex")):
    setattr(edl, name, Heard(what, getattr(edl, name)))

create = edl.create_clip


def create_clip(context, track):
    reading["number"] = context.get("edit_index", "")
    try:
        create(context, track)
    except Exception as e:  # what would end the whole import
        say("refused", reading["number"], "%s: %s" % (type(e).__name__, e))


edl.create_clip = create_clip
edl.import_edl()
