// otioread prints what OpenTimelineIO's own library sees in a timeline, one fact a line, its
// fields separated by tabs, times in frames:
//
//   timeline    rate  start  length  name
//   track       Video|Audio  on|off  name
//   clip        at  length  source-start  available-start  available-length  name  path
//   gap         at  length  name
//   dissolve    at  length  before-the-cut  after-it  type
//   marker      at  length  colour  name
//
// Items follow their track, and "at" counts from the timeline's own start time. What the
// library refuses, what its schema does not know, and what no editor could play is told on
// standard error in a sentence each, with status 1.

#include <opentimelineio/clip.h>
#include <opentimelineio/externalReference.h>
#include <opentimelineio/gap.h>
#include <opentimelineio/marker.h>
#include <opentimelineio/timeline.h>
#include <opentimelineio/transition.h>
#include <opentimelineio/unknownSchema.h>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <string>

namespace otio = opentimelineio::OPENTIMELINEIO_VERSION;
using opentime::RationalTime;
using opentime::TimeRange;

namespace {

int complaints = 0;
double rate = 0;

void complain(const std::string& what) {
    std::cerr << "otioread: " << what << '\n';
    complaints++;
}

// frames is a time as a whole number of the timeline's frames.
long long frames(RationalTime t) {
    if (t.is_invalid_time() || std::abs(t.rate() - rate) > 1e-9)
        complain("a time of rate " + std::to_string(t.rate()) + " in a timeline of rate " + std::to_string(rate));
    if (t.value() != std::floor(t.value()))
        complain("a time of " + std::to_string(t.value()) + " frames");
    return std::llround(t.value());
}

void require(const otio::ErrorStatus& e, const std::string& what) {
    if (otio::is_error(e)) complain(what + ": " + e.full_description);
}

// known complains of fields that the library keeps because its schema has none of that name.
void known(otio::SerializableObject* object, const std::string& what) {
    for (const auto& field : object->dynamic_fields()) complain(what + " has a field \"" + field.first + "\" that the schema does not know");
    if (dynamic_cast<otio::UnknownSchema*>(object)) complain(what + " is of a schema that the library does not know");
}

// path is a media URL as a file: relative ones are beside the timeline.
std::string path(const std::string& url, const std::filesystem::path& folder) {
    std::string rest = url.rfind("file://", 0) == 0 ? url.substr(7) : url, out;
    for (size_t i = 0; i < rest.size(); i++) {
        if (rest[i] == '%' && i + 2 < rest.size()) {
            out += static_cast<char>(std::stoi(rest.substr(i + 1, 2), nullptr, 16));
            i += 2;
        } else {
            out += rest[i];
        }
    }
    return (folder / out).lexically_normal().string();
}

void clip(otio::Clip* c, long long at, long long length, const std::filesystem::path& folder) {
    const std::string what = "the clip \"" + c->name() + "\" at " + std::to_string(at);
    otio::ErrorStatus err;
    auto* media = dynamic_cast<otio::ExternalReference*>(c->media_reference());
    if (!media) return complain(what + " names no file");
    known(media, what + ", its medium,");
    const TimeRange have = c->available_range(&err), asked = c->trimmed_range(&err);
    // With the pictures that transitions beside it ask for.
    const TimeRange seen = c->visible_range(&err);
    require(err, what);
    if (seen.start_time() < have.start_time() || seen.end_time_exclusive() > have.end_time_exclusive())
        complain(what + " shows frames " + std::to_string(frames(seen.start_time())) + " to " + std::to_string(frames(seen.end_time_exclusive())) +
                 ", its file has " + std::to_string(frames(have.start_time())) + " to " + std::to_string(frames(have.end_time_exclusive())));
    const std::string file = path(media->target_url(), folder);
    if (!std::filesystem::exists(file)) complain(what + ": there is no file " + file);
    std::cout << "clip\t" << at << '\t' << length << '\t' << frames(asked.start_time()) << '\t' << frames(have.start_time()) << '\t' << frames(have.duration()) << '\t'
              << c->name() << '\t' << file << '\n';
}

// markers prints those of a track or of all of them.
void markers(otio::Item* of, long long start) {
    for (const auto& m : of->markers()) {
        known(m, "the marker \"" + m->name() + "\"");
        const TimeRange r = m->marked_range();
        if (m->comment() != m->name()) complain("the marker \"" + m->name() + "\" has the comment \"" + m->comment() + "\"");
        std::cout << "marker\t" << start + frames(r.start_time()) << '\t' << frames(r.duration()) << '\t' << m->color() << '\t' << m->name() << '\n';
    }
}

void track(otio::Track* t, long long start, const std::filesystem::path& folder) {
    otio::ErrorStatus err;
    known(t, "the track \"" + t->name() + "\"");
    std::cout << "track\t" << t->kind() << '\t' << (t->enabled() ? "on" : "off") << '\t' << t->name() << '\n';
    markers(t, start);
    for (const auto& child : t->children()) {
        known(child, "\"" + child->name() + "\" on the track \"" + t->name() + "\"");
        const TimeRange r = t->range_of_child(child, &err);
        require(err, "\"" + child->name() + "\" on the track \"" + t->name() + "\"");
        const long long at = start + frames(r.start_time()), length = frames(r.duration());
        if (auto* c = dynamic_cast<otio::Clip*>(child.value)) {
            clip(c, at, length, folder);
        } else if (dynamic_cast<otio::Gap*>(child.value)) {
            std::cout << "gap\t" << at << '\t' << length << '\t' << child->name() << '\n';
        } else if (auto* x = dynamic_cast<otio::Transition*>(child.value)) {
            std::cout << "dissolve\t" << at << '\t' << length << '\t' << frames(x->in_offset()) << '\t' << frames(x->out_offset()) << '\t' << x->transition_type() << '\n';
        } else {
            complain("\"" + child->name() + "\" on the track \"" + t->name() + "\" is neither clip nor gap nor transition");
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: otioread FILE.otio\n";
        return 2;
    }
    const auto folder = std::filesystem::absolute(argv[1]).parent_path();
    otio::ErrorStatus err;
    otio::SerializableObject::Retainer<> read(otio::SerializableObject::from_json_file(argv[1], &err));
    require(err, argv[1]);
    auto* timeline = dynamic_cast<otio::Timeline*>(read.value);
    if (!timeline) {
        complain(std::string(argv[1]) + " is no timeline");
        return 1;
    }
    known(timeline, "the timeline");
    known(timeline->tracks(), "the stack of tracks");
    const auto start = timeline->global_start_time();
    if (!start) {
        complain("the timeline has no start time");
        return 1;
    }
    rate = start->rate();
    const RationalTime length = timeline->duration(&err);
    require(err, "the timeline's length");
    std::cout << "timeline\t" << rate << '\t' << frames(*start) << '\t' << frames(length) << '\t' << timeline->name() << '\n';
    markers(timeline->tracks(), frames(*start));
    for (const auto& child : timeline->tracks()->children()) {
        auto* t = dynamic_cast<otio::Track*>(child.value);
        if (!t) {
            complain("\"" + child->name() + "\" is no track");
            continue;
        }
        if (t->duration(&err) != length) complain("the track \"" + t->name() + "\" is not as long as the timeline");
        track(t, frames(*start), folder);
    }
    // Written by the library and read again it is the same.
    otio::SerializableObject::Retainer<> again(otio::SerializableObject::from_json_string(timeline->to_json_string(&err), &err));
    require(err, "written by the library and read again");
    if (!again || !timeline->is_equivalent_to(*again)) complain("written by the library and read again it is another timeline");
    return complaints > 0;
}
