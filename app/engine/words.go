package engine

import (
	"errors"
	"regexp"

	"crosspoint.studio/crosspoint/internal/supervise"
)

// namers are the packages and kinds that begin their errors with their own names, which is
// of use in a log and of none to the operator. A list by name and not a pattern: a file
// that is called so, and a time such as "12:30", are to stay.
const namers = `(?:audio|av|bars|camera|clock|colour|compositor|coded|credentials|cutlist|document|engine|ffmpeg|file|gpu|h264|host|image|inserts|` +
	`json|microphone|network|pipe|planner|preflight|priority|record|recorded|rehearsal|replay|rist|rtmp|scenes|screen|sources|srt|supervise|synthetic|sysmon|text|ts|udp|uplink|whip)`

var (
	namedFirst  = regexp.MustCompile(`^(?:` + namers + `: )+`)
	namedWithin = regexp.MustCompile(`(: |\(|; )(?:` + namers + `: )+`)
)

// Plain is an error's text without the names of the packages that handed it on: what the
// operator reads.
func Plain(text string) string { return plainWithin(namedFirst.ReplaceAllString(text, "")) }

// plainWithin does so inside a sentence whose beginning is the operator's own: the name of
// a source or a destination.
func plainWithin(text string) string { return namedWithin.ReplaceAllString(text, "$1") }

// stackOf is the stack of a panic that became an error, for the log; "" of any other error.
func stackOf(err error) string {
	var p *supervise.PanicError
	if !errors.As(err, &p) {
		return ""
	}
	return string(p.Stack)
}
