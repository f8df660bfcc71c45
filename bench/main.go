//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"patgate/bench/report"
)

// options are the command's flags.
type options struct {
	binary  string
	parts   []string
	tokens  int
	rounds  int
	seconds float64
	body    int64
	out     string
	profile string
	keep    bool
	hold    bool
}

// allParts lists what can be measured.
var allParts = []string{"compare", "scaling", "kinds", "bodies", "footprint", "fairness"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:])
	if err == nil {
		err = run(ctx, o, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.binary, "patgate", "", "binary of patgate to measure; built when empty")
	parts := flags.String("parts", strings.Join(allParts, ","), "what to measure")
	flags.IntVar(&o.tokens, "tokens", 100_000, "tokens in patgate's store")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds of every comparison")
	flags.Float64Var(&o.seconds, "seconds", 3, "length of one measurement, in whole seconds")
	flags.Int64Var(&o.body, "body", 1<<30, "length of long bodies, in bytes")
	flags.StringVar(&o.out, "out", "", "folder for the result as JSON, Markdown and SVG; nothing is written when empty")
	flags.BoolVar(&o.keep, "keep", false, "keep the temporary folder with configurations and logs")
	flags.BoolVar(&o.hold, "hold", false, "start everything and wait for an interrupt, to look at it by hand")
	flags.StringVar(&o.profile, "profile", "", "write a CPU profile of patgate for the compiler to this file, and measure "+
		"nothing")
	smoke := flags.Bool("smoke", false, "a little of everything, to see that it works; the figures mean nothing")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	o.parts = strings.Split(*parts, ",")
	for _, p := range o.parts {
		if !slices.Contains(allParts, p) {
			return nil, fmt.Errorf("there is no part %q (there are: %s)", p, strings.Join(allParts, ", "))
		}
	}
	if *smoke {
		o.tokens, o.rounds, o.seconds, o.body = 500, 1, 1, 4<<20
	}
	if o.rounds < 1 || o.seconds < 1 || o.tokens < 1 || o.body < 1 {
		return nil, errors.New("rounds, seconds, tokens and body must be at least 1")
	}
	return o, nil
}

// run measures, prints the page, and saves the result.
func run(ctx context.Context, o *options, out, log io.Writer) error {
	if o.profile != "" {
		o.binary = "none" // it is built with a tag of its own
	}
	s, err := newStage(ctx, o, log)
	if err != nil {
		return err
	}
	defer s.close()
	r := &report.Result{Date: time.Now().UTC().Format(time.RFC3339), Commit: report.Commit(), Machine: report.DescribeMachine(),
		Rounds: o.rounds, Seconds: o.seconds, Tokens: o.tokens, Absent: []string{}}
	if o.profile != "" {
		return s.profile(ctx, o, o.profile)
	}
	if o.hold {
		return s.hold(ctx, r, out)
	}
	for _, part := range o.parts {
		switch part {
		case "compare":
			err = s.compare(ctx, o, r)
		case "scaling":
			err = s.scale(ctx, o, r)
		case "kinds":
			err = s.otherKinds(ctx, o, r)
		case "bodies":
			err = s.longBodies(ctx, o, r)
		case "fairness":
			err = s.fairness(ctx, o, r)
		case "footprint":
			r.Footprint, err = s.footprint(ctx, o)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	r.Machine.LoadAfter = report.LoadAverage()
	fmt.Fprint(out, r.Page())
	if o.out == "" {
		return nil
	}
	name, err := r.Save(o.out)
	if err == nil {
		s.say("written: %s.json, .md and .svg", name)
	}
	return err
}

// hold starts all peers and waits.
func (s *stage) hold(ctx context.Context, r *report.Result, out io.Writer) error {
	running, err := s.present(ctx, r, target{upstream: s.upstream, seeded: s.seeded})
	defer end(running)
	if err != nil {
		return err
	}
	script, requests, err := s.writeRequests(traffic{tokens: s.seeded.tokens[:min(hotTokens, len(s.seeded.tokens))]})
	if err != nil {
		return err
	}
	for _, c := range running {
		fmt.Fprintln(out, c.service.name, c.service.address, c.service.pids)
	}
	fmt.Fprintf(out, "wrk -t1 -c32 -d3s -s %s http://ADDRESS -- %s\n", script, requests)
	<-ctx.Done()
	return nil
}
