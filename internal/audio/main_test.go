package audio

import (
	"testing"

	"crosspoint.studio/crosspoint/internal/testkit/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyTestMain(m) }
