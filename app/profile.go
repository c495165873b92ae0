package app

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
)

// profile starts the profiles that were asked for; stop writes them.
func profile(cpu, mem string) (stop func(), err error) {
	var f *os.File
	if cpu != "" {
		if f, err = os.Create(cpu); err != nil {
			return nil, fmt.Errorf("the CPU profile cannot be written: %w", err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return nil, fmt.Errorf("the CPU profile cannot be started: %w", err)
		}
	}
	return func() {
		if f != nil {
			pprof.StopCPUProfile()
			_ = f.Close() // a profile that is cut short says so when it is read
		}
		if mem == "" {
			return
		}
		m, err := os.Create(mem)
		if err != nil {
			return
		}
		defer m.Close()
		runtime.GC()
		_ = pprof.WriteHeapProfile(m) // as above
	}, nil
}
