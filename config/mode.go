package config

import (
	"fmt"
	"strings"
)

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
	FormatJSON LogFormat = iota
	FormatConsole
)

var formatNames = []string{"json", "console"}

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
