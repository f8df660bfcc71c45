package terms

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"patgate/token"
	"patgate/token/limits"
)

// ReadLimits reads the limits of a token from an object of the JSON form; field is its name. Windows may be written on one line
// each, as limits.ParseWindow reads them. Nothing, or an empty object, is no limit.
func (e *Invalid) ReadLimits(field string, v any) (s limits.Spec) {
	if v == nil || v == "" {
		return s
	}
	o, ok := v.(map[string]any)
	if !ok {
		e.Add(field, "must be an object with networks, windows, requests_per_minute, requests_at_once, upstream_connections, "+
			"bytes_per_day or max_uses")
		return s
	}
	for name, v := range o {
		at := field + "." + name
		switch n := limits.Name(name); {
		case n == limits.Networks:
			if s.Networks = e.List(at, v); v != nil && len(s.Networks) == 0 {
				e.Add(at, "names no network: leave it out if the token may be used from anywhere")
			}
		case n == limits.Windows:
			s.Windows = e.windows(at, v)
		case s.Number(n) != nil:
			text, ok := Text(v)
			number, err := strconv.ParseInt(text, 10, 64)
			switch {
			case !ok || text != "" && err != nil:
				e.Add(at, "must be a number")
			case number == 0:
				e.Add(at, "is empty or 0: leave it out if there is no such limit")
			}
			*s.Number(n) = number
		default:
			e.Add(at, "is not a limit: use networks, windows, requests_per_minute, requests_at_once, upstream_connections, "+
				"bytes_per_day or max_uses")
		}
	}
	return s
}

// windows reads a list of windows.
func (e *Invalid) windows(field string, v any) (all []limits.Window) {
	if text, is := v.(string); is {
		v = []any{text}
	}
	list, ok := v.([]any)
	if !ok && v != nil || ok && len(list) == 0 {
		e.Add(field, "must be a list of windows: leave it out if the token works at any time")
		return nil
	}
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		if text, is := item.(string); is {
			w, ok := limits.ParseWindow(text)
			if !ok {
				e.Add(at, "%q is not a window: write mon-fri 08:00-18:00 Europe/Berlin", text)
			}
			all = append(all, w)
			continue
		}
		o, ok := item.(map[string]any)
		if !ok {
			e.Add(at, "must be an object with days, from, to and zone")
			continue
		}
		var w limits.Window
		for name, v := range o {
			var ok bool
			switch name {
			case "days":
				w.Days, ok = e.List(at+".days", v), true
			case "from":
				w.From, ok = Text(v)
			case "to":
				w.To, ok = Text(v)
			case "zone":
				w.Zone, ok = Text(v)
			}
			if !ok {
				e.Add(at+"."+name, "is not known, or not a string: use days, from, to and zone")
			}
		}
		all = append(all, w)
	}
	return all
}

// Limits tells what is wrong with limits, and gives them in one spelling. Where they set none, the limits of the tokens that
// this one comes from take their place. Limits beyond those are a problem.
func (e *Invalid) Limits(field string, s limits.Spec, above *limits.Held) limits.Spec {
	own, err := limits.Compile(s)
	var wrong *limits.Error
	if errors.As(err, &wrong) {
		for _, p := range wrong.Problems {
			e.Add(field+"."+p.Field, "%s", p.Message)
		}
		return s
	}
	if own != nil {
		s = own.Spec
	}
	if above == nil {
		return s
	}
	for i := range above.Levels {
		s = s.Under(&above.Levels[i].Spec)
	}
	if own, err = limits.Compile(s); err != nil { // both are right by themselves
		e.Add(field, "%v", err)
		return s
	}
	for i := range above.Levels {
		for _, n := range limits.Beyond(own, above.Levels[i].Limits) {
			e.Add(field+"."+string(n), "is beyond that of the token that makes it, or of one that it comes from")
		}
	}
	return s
}

// WiderLimits tells whether what a token is held to would be less than before.
func WiderLimits(fresh, old *limits.Spec) (bool, error) {
	a, err := limits.Compile(*fresh)
	if err != nil {
		return true, err
	}
	b, err := limits.Compile(*old)
	return len(limits.Beyond(a, b)) > 0, err
}

// Changed says, for the record of a change, what is other than before besides scopes: the end of report mode, and limits.
func Changed(r *token.Record, reportUntil time.Time, before *limits.Spec) string {
	mode, limited := r.ReportChange(reportUntil), limits.Change(&r.Limits, before)
	if mode != "" && limited != "" {
		return mode + "; " + limited
	}
	return mode + limited
}
