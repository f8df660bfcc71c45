package config

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Forge says what the forge behind patgate is.
type Forge uint8

// The values of `forge`.
const (
	ForgeAuto Forge = iota
	ForgeGitLab
	ForgeGitea
	ForgeForgejo
)

var forgeNames = []string{"auto", "gitlab", "gitea", "forgejo"}

// String gives the value as it is written.
func (v Forge) String() string { return wordOf(forgeNames, int(v)) }

// UnmarshalText reads the value; unknown text is an error.
func (v *Forge) UnmarshalText(text []byte) error { return readWord(v, forgeNames, text) }

// Table gives the name of the route table for the forge: Forgejo has Gitea's. It is "gitlab" for a forge that is not known.
func (v Forge) Table() string {
	if v == ForgeGitea || v == ForgeForgejo {
		return "gitea"
	}
	return "gitlab"
}

// Legacy says what happens to credentials that are not patgate tokens. The zero value refuses them.
type Legacy uint8

// The values of `legacy`.
const (
	LegacyDeny Legacy = iota
	LegacyReadOnly
	LegacyAllow
)

var legacyNames = []string{"deny", "read_only", "allow"}

// String gives the value as it is written.
func (v Legacy) String() string { return wordOf(legacyNames, int(v)) }

// UnmarshalText reads the value; unknown text is an error.
func (v *Legacy) UnmarshalText(text []byte) error { return readWord(v, legacyNames, text) }

// LegacyRule is the value of `legacy`: a Legacy, or `deny after DATE`, which allows until the first moment of that date
// (UTC) and denies from then on. The zero value denies.
type LegacyRule struct {
	Mode Legacy
	// DenyFrom is when an allowing rule begins to deny; zero is never.
	DenyFrom time.Time
}

// At gives what the rule says at an instant.
func (r LegacyRule) At(t time.Time) Legacy {
	if !r.DenyFrom.IsZero() && !t.Before(r.DenyFrom) {
		return LegacyDeny
	}
	return r.Mode
}

// denyAfter begins the dated form of a LegacyRule.
const denyAfter = "deny after "

// String gives the rule as it is written.
func (r LegacyRule) String() string {
	if !r.DenyFrom.IsZero() {
		return denyAfter + r.DenyFrom.Format(time.DateOnly)
	}
	return r.Mode.String()
}

// UnmarshalText reads a rule; unknown text is an error.
func (r *LegacyRule) UnmarshalText(text []byte) error {
	if date, ok := strings.CutPrefix(string(text), denyAfter); ok {
		at, err := time.Parse(time.DateOnly, strings.TrimSpace(date))
		if err != nil {
			return errors.New("not a date: write deny after 2026-12-31")
		}
		*r = LegacyRule{Mode: LegacyAllow, DenyFrom: at}
		return nil
	}
	var mode Legacy
	if err := mode.UnmarshalText(text); err != nil {
		return fmt.Errorf("%w, or deny after 2026-12-31", err)
	}
	*r = LegacyRule{Mode: mode}
	return nil
}

// Probe says what is answered to tools that ask the forge for user and version only to see whether a token works.
type Probe uint8

// The values of `identity_probe`.
const (
	ProbeMinimal Probe = iota
	ProbeForward
)

var probeNames = []string{"minimal", "forward"}

// String gives the value as it is written.
func (v Probe) String() string { return wordOf(probeNames, int(v)) }

// UnmarshalText reads the value; unknown text is an error.
func (v *Probe) UnmarshalText(text []byte) error { return readWord(v, probeNames, text) }

// Anonymous says what happens to requests without a credential. The zero value refuses them.
type Anonymous uint8

// The values of `anonymous`.
const (
	AnonymousDeny Anonymous = iota
	AnonymousAllow
)

var anonymousNames = []string{"deny", "allow"}

// String gives the value as it is written.
func (v Anonymous) String() string { return wordOf(anonymousNames, int(v)) }

// UnmarshalText reads the value; unknown text is an error.
func (v *Anonymous) UnmarshalText(text []byte) error { return readWord(v, anonymousNames, text) }

// Web says whether browser pages and session cookies go through. The zero value refuses them.
type Web uint8

// The values of `web`.
const (
	WebRefuse Web = iota
	WebPass
)

var webNames = []string{"refuse", "pass"}

// String gives the value as it is written.
func (v Web) String() string { return wordOf(webNames, int(v)) }

// UnmarshalText reads the value; unknown text is an error.
func (v *Web) UnmarshalText(text []byte) error { return readWord(v, webNames, text) }

// QuickActions says what happens to texts with commands. The zero value refuses those that the grant does not cover.
type QuickActions uint8

// The values of `limits.quick_actions`.
const (
	QuickActionsCheck QuickActions = iota
	QuickActionsAllow
)

var quickActionsNames = []string{"check", "allow"}

// String gives the value as it is written.
func (v QuickActions) String() string { return wordOf(quickActionsNames, int(v)) }

// UnmarshalText reads the value; unknown text is an error.
func (v *QuickActions) UnmarshalText(text []byte) error { return readWord(v, quickActionsNames, text) }

// Introspection says whether the GraphQL schema is told. The zero value tells it.
type Introspection uint8

// The values of `graphql.introspection`.
const (
	IntrospectionAllow Introspection = iota
	IntrospectionDeny
)

var introspectionNames = []string{"allow", "deny"}

// String gives the value as it is written.
func (v Introspection) String() string { return wordOf(introspectionNames, int(v)) }

// UnmarshalText reads the value; unknown text is an error.
func (v *Introspection) UnmarshalText(text []byte) error {
	return readWord(v, introspectionNames, text)
}

// LearnMode is whose requests are kept.
type LearnMode uint8

// The values of `learn.mode`.
const (
	LearnTokens LearnMode = iota
	LearnOn
	LearnOff
)

var learnNames = []string{"tokens", "on", "off"}

// String gives the value as it is written.
func (v LearnMode) String() string { return wordOf(learnNames, int(v)) }

// UnmarshalText reads the value; unknown text is an error.
func (v *LearnMode) UnmarshalText(text []byte) error { return readWord(v, learnNames, text) }

// ReportMode says whether owners may put their tokens into report mode. The zero value refuses it.
type ReportMode uint8

// The values of `tokens.report_mode`.
const (
	ReportModeDeny ReportMode = iota
	ReportModeAllow
)

var reportModeNames = []string{"deny", "allow"}

// String gives the value as it is written.
func (v ReportMode) String() string { return wordOf(reportModeNames, int(v)) }

// UnmarshalText reads the value; unknown text is an error.
func (v *ReportMode) UnmarshalText(text []byte) error { return readWord(v, reportModeNames, text) }

// LogLevel is the least level that is written.
type LogLevel uint8

// The values of `log.level`.
const (
	LevelDebug LogLevel = iota
	LevelInfo
	LevelWarn
	LevelError
)

var levelNames = []string{"debug", "info", "warn", "error"}

// String gives the value as it is written.
func (v LogLevel) String() string { return wordOf(levelNames, int(v)) }

// UnmarshalText reads the value; unknown text is an error.
func (v *LogLevel) UnmarshalText(text []byte) error { return readWord(v, levelNames, text) }

// LogFormat is how log lines look.
type LogFormat uint8

// The values of `log.format`.
const (
	// FormatAuto is console on a terminal, else json.
	FormatAuto LogFormat = iota
	FormatJSON
	FormatConsole
)

var formatNames = []string{"auto", "json", "console"}

// String gives the value as it is written.
func (v LogFormat) String() string { return wordOf(formatNames, int(v)) }

// UnmarshalText reads the value; unknown text is an error.
func (v *LogFormat) UnmarshalText(text []byte) error { return readWord(v, formatNames, text) }

// wordOf gives the name of a value of a closed set.
func wordOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("value(%d)", i)
}

// readWord reads a value of a closed set by its name.
func readWord[T ~uint8](v *T, names []string, text []byte) error {
	for i, name := range names {
		if name == string(text) {
			*v = T(i)
			return nil
		}
	}
	return fmt.Errorf("unknown value: write %s", strings.Join(names, ", "))
}

// Where the audit lines go, when it is no file.
const (
	AuditStderr = "stderr"
	AuditStdout = "stdout"
)
