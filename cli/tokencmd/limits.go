package tokencmd

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"patgate/admin/tokens"
	"patgate/cli/terminal"
	"patgate/config"
	"patgate/store"
	"patgate/token/limits"
)

// numberFlags are those of the limits that are numbers.
var numberFlags = map[limits.Name]string{limits.RequestsPerMinute: "requests-per-minute",
	limits.RequestsAtOnce: "requests-at-once", limits.UpstreamConnections: "upstream-connections", limits.MaxUses: "max-uses"}

// addLimitFlags gives a command those of the limits of a token.
func addLimitFlags(f *pflag.FlagSet) {
	f.StringArray("network", nil, "the token works only for requests from here (10.0.0.0/8, 2001:db8::/32, 192.0.2.7); repeat "+
		"it for more")
	f.StringArray("window", nil, "the token works only then (mon-fri 08:00-18:00 Europe/Berlin); repeat it for more")
	f.Int64(numberFlags[limits.RequestsPerMinute], 0, "at most so many requests within any minute")
	f.Int64(numberFlags[limits.RequestsAtOnce], 0, "at most so many requests under way at a time")
	f.Int64(numberFlags[limits.UpstreamConnections], 0, "at most so many of them at the forge at a time")
	f.String("bytes-per-day", "", "at most so many bytes of requests and answers from midnight to midnight UTC (10GiB)")
	f.Int64(numberFlags[limits.MaxUses], 0, "at most so many requests ever")
}

// readLimits reads the flags. A given limit takes the place of the old one, and 0 or an empty text ends it. changed tells whether
// any was given.
func readLimits(f *pflag.FlagSet, was limits.Spec) (s limits.Spec, changed bool, err error) {
	s = was
	texts := func(name string) (all []string) {
		given, _ := f.GetStringArray(name)
		for _, text := range given {
			if text = strings.TrimSpace(text); text != "" {
				all = append(all, text)
			}
		}
		return all
	}
	if f.Changed("network") {
		changed, s.Networks = true, nil
		for _, text := range texts("network") {
			for one := range strings.SplitSeq(text, ",") {
				s.Networks = append(s.Networks, strings.TrimSpace(one))
			}
		}
	}
	if f.Changed("window") {
		changed, s.Windows = true, nil
		for _, text := range texts("window") {
			w, ok := limits.ParseWindow(text)
			if !ok {
				return s, true, fmt.Errorf("--window %q: write mon-fri 08:00-18:00 Europe/Berlin", text)
			}
			s.Windows = append(s.Windows, w)
		}
	}
	for n, name := range numberFlags {
		if f.Changed(name) {
			changed = true
			*s.Number(n), _ = f.GetInt64(name)
		}
	}
	if f.Changed("bytes-per-day") {
		changed = true
		text, _ := f.GetString("bytes-per-day")
		var size config.Size
		n, plain := strconv.ParseInt(text, 10, 64)
		if text != "" && plain != nil {
			if err := size.UnmarshalText([]byte(text)); err != nil {
				return s, true, fmt.Errorf("--bytes-per-day %q: %w", text, err)
			}
			n = int64(size)
		}
		s.BytesPerDay = n
	}
	if !changed {
		return s, false, nil
	}
	for _, n := range limits.Names() { // an empty variable in a script must not make an unlimited token
		if f.Changed(flagOf(n)) && !s.Has(n) && !was.Has(n) {
			return s, true, fmt.Errorf("--%s is empty or 0, and there is no limit that this could end: leave it out", flagOf(n))
		}
	}
	_, err = limits.Compile(s)
	var wrong *limits.Error
	if errors.As(err, &wrong) {
		lines := make([]string, len(wrong.Problems))
		for i, p := range wrong.Problems {
			lines[i] = p.Field + ": " + p.Message
		}
		err = errors.New(strings.Join(lines, "\n"))
	}
	return s, true, err
}

// flagOf gives the flag of a limit.
func flagOf(n limits.Name) string {
	switch n {
	case limits.Networks:
		return "network"
	case limits.Windows:
		return "window"
	case limits.BytesPerDay:
		return "bytes-per-day"
	}
	return numberFlags[n]
}

// limitChanges puts what the flags make of the limits of a token among the changes, and says it, one line each.
func limitChanges(cmd *cobra.Command, q *tokens.Changes, before *store.Listed) (lines []string, err error) {
	fresh, changed, err := readLimits(cmd.Flags(), before.Limits)
	if err != nil {
		return nil, terminal.Usage(err)
	}
	if !changed || fresh.Equal(&before.Limits) {
		return nil, nil
	}
	q.Limits = &fresh
	return []string{limits.Change(&fresh, &before.Limits)}, nil
}

// limited tells whether a flag of limits was given.
func limited(f *pflag.FlagSet) bool {
	return slices.ContainsFunc(limits.Names(), func(n limits.Name) bool { return f.Changed(flagOf(n)) })
}
