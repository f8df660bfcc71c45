//go:build profile

package main

import (
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// profile has a CPU profile written into the file that CPUPROFILE names, from the first SIGUSR1 to the second. It is in
// builds with the tag "profile" only: `make pgo` makes default.pgo with one.
func profile() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		<-signals
		f, err := os.Create(os.Getenv("CPUPROFILE"))
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			panic(err)
		}
		<-signals
		pprof.StopCPUProfile()
		if err := f.Close(); err != nil {
			panic(err)
		}
	}()
}
