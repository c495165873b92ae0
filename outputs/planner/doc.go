// Package planner derives the fewest encodes that serve a set of destinations: from
// what each platform takes, what each destination asks for, the uplink and the
// processors it says which rendition each destination gets and why, or refuses with a
// change that would fit.
//
// It is arithmetic over values: no goroutines, no clock, no network. Equal requests
// give equal plans. What it does not do: open encoders, measure the uplink, or edit
// a show.
package planner
