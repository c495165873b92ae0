// Package e2e holds the end-to-end tests: the real engine, or the built program, with
// real servers, real files and real faults, judged from what arrived. They measure
// real time, so packaging/test.sh runs them alone, after all others and without the
// race detector. There is nothing here but tests.
//
// Those that mostly wait for networks and clocks, a third of a core each, run side by
// side (t.Parallel) after the others, which need the machine or the process to themselves.
//
// By hand: CROSSPOINT_E2E_SECONDS shortens the long run (60 s) to that many seconds.
package e2e
