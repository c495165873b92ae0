#!/usr/bin/env bash
# Runs every test, in four parts:
#   everything that does not touch the window, under the race detector;
#   the tests of sources and codecs once more, with every picture followed from its
#     allocation to its release (-tags mediadebug), without which they find none that is kept;
#   the window and what is linked with it, without: Fyne alone takes longer to
#     build under the race detector than all tests together;
#   the end-to-end tests, which measure real time, alone and after the others, so
#     that compilers and other tests do not share their two cores with them.
set -uo pipefail
module=$(go list -m)
all=$(go list ./...)
timed=$(grep "^$module/internal/e2e" <<<"$all")
window=$(grep -E "^$module(\$|/app\$|/app/ui)" <<<"$all")
rest=$(grep -vE "^$module(\$|/app\$|/app/ui|/internal/e2e)" <<<"$all")
status=0
say() { printf 'crosspoint: %s\n' "$*"; }
# More packages at a time than cores: most tests wait for networks and clocks, and one
# that fails on a busy machine is wrong.
# shellcheck disable=SC2086
go test -race -shuffle=on -timeout 15m -p 4 $rest || status=1
say "pictures that are not released"
go test -tags mediadebug -shuffle=on -timeout 10m -p 4 "$module/internal/media" "$module/internal/av" "$module/scenes/sources" || status=1
say "the window and the command line"
# shellcheck disable=SC2086
go test -shuffle=on -timeout 10m -p 1 $window || status=1
# A day of drifting clocks and minutes of sound, which the race detector would make ten times
# longer: there they are shorter.
go test -timeout 5m -run 'TestDayOfDrift|TestNoFrameIsLost|TestEverySample|TestLeveller' "$module/internal/audio" || status=1
say "end to end, in real time"
# shellcheck disable=SC2086
go test -timeout 30m -p 1 -parallel 4 $timed || status=1
[ $status -eq 0 ] && say "all tests passed"
exit $status
