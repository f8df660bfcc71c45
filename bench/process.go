//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc/PID/stat (USER_HZ, which is 100 on every Linux that Go runs on).
const tick = 10 * time.Millisecond

// family gives the processes of a service: those that it started with, and their children as they are now.
func (v *service) family() []int {
	parents := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f := statFields(pid); len(f) > 1 {
			parent, _ := strconv.Atoi(f[1])
			parents[parent] = append(parents[parent], pid)
		}
	}
	var all []int
	for todo := append([]int(nil), v.pids...); len(todo) > 0; todo = todo[1:] {
		all = append(all, todo[0])
		todo = append(todo, parents[todo[0]]...)
	}
	return all
}

// statFields gives the fields of /proc/PID/stat behind the program's name, so that the first is the state.
func statFields(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
}

// cpu gives the CPU time, user and system, that all processes of a service have used.
func (v *service) cpu() time.Duration {
	var ticks int64
	for _, pid := range v.family() {
		if f := statFields(pid); len(f) > 12 {
			user, _ := strconv.ParseInt(f[11], 10, 64)
			system, _ := strconv.ParseInt(f[12], 10, 64)
			ticks += user + system
		}
	}
	return time.Duration(ticks) * tick
}

// rss gives the resident memory of all processes of a service, in bytes. What they share is counted once for each.
func (v *service) rss() int64 {
	var sum int64
	for _, pid := range v.family() {
		if f := statFields(pid); len(f) > 21 {
			pages, _ := strconv.ParseInt(f[21], 10, 64)
			sum += pages * int64(os.Getpagesize())
		}
	}
	return sum
}
