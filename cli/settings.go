package cli

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"patgate/config"
)

// setting is a key of the configuration that has a flag.
type setting struct{ flag, key, usage string }

// storeSettings are those that every command on the store takes.
func storeSettings() []setting {
	return []setting{
		{"upstream", "upstream.url", "address of the forge, such as https://gitlab.example.com"},
		{"forge", "forge", "what the forge is: auto, gitlab, gitea or forgejo"},
		{"data-dir", "data_dir", "directory for patgate's own files"},
		{"database", "store.database", "SQLite file (default db/patgate.db in the data directory)"},
		{"key-file", "store.key_file", "file with the sealing key (default keys/patgate.key in the data directory)"},
	}
}

// serveSettings are those of serve.
func serveSettings() []setting {
	return append(storeSettings(),
		setting{"listen", "listen", "address to serve clients on"},
		setting{"admin-listen", "admin.listen", "address for metrics and health, or off"},
		setting{"console-listen", "console.listen", "address of the web console, gateway, or off"},
		setting{"console-url", "console.public_url", "address under which browsers reach the console"},
		setting{"public-url", "public_url", "address under which clients reach patgate"},
		setting{"tls-cert", "tls.cert_file", "PEM file with the certificate to serve"},
		setting{"tls-key", "tls.key_file", "PEM file with the certificate's key"},
		setting{"upstream-ca", "upstream.ca_file", "PEM file with the certificate authorities of the forge"},
		setting{"routes", "routes.overlays", "files or directories laid over the built-in route table, comma-separated"},
		setting{"legacy", "legacy", "credentials that are not patgate tokens: allow, read_only or deny"},
		setting{"anonymous", "anonymous", "requests without a credential: deny or allow"},
		setting{"web", "web", "browser pages and cookies: refuse or pass"},
		setting{"log-level", "log.level", "debug, info, warn or error"},
		setting{"log-format", "log.format", "json or console"},
	)
}

// otherEnv are environment variables with patgate's prefix that are not keys of the configuration.
func otherEnv() []string {
	return []string{"PATGATE_CONFIG", "PATGATE_E2E_REQUIRED", "PATGATE_OWNER_CREDENTIAL", "PATGATE_OWNER_CREDENTIAL_FILE",
		"PATGATE_SERVER"}
}

// addSettings gives a command the flag --config and those of the settings.
func addSettings(flags *pflag.FlagSet, settings []setting) {
	flags.String("config", "", "YAML file with the configuration (default: PATGATE_CONFIG)")
	for _, s := range settings {
		flags.String(s.flag, "", s.usage)
	}
}

// need says what a command needs of the configuration.
type need bool

const (
	withUpstream need = true
	// withoutUpstream is for commands that do not ask the forge: its address may be missing.
	withoutUpstream need = false
)

// loadSettings reads the configuration that a command's flags, the environment and the file give; the error holds one
// line for each problem.
func loadSettings(cmd *cobra.Command, settings []setting, upstream need) (*config.Config, error) {
	env := config.Environ(os.Environ())
	in := config.Input{File: env["PATGATE_CONFIG"], Env: env, OtherEnv: otherEnv(), NoUpstream: upstream == withoutUpstream}
	if cmd.Flags().Changed("config") {
		in.File, _ = cmd.Flags().GetString("config")
	}
	for _, s := range settings {
		if cmd.Flags().Changed(s.flag) {
			value, err := cmd.Flags().GetString(s.flag)
			if err != nil {
				return nil, err
			}
			in.Flags = append(in.Flags, config.Flag{Name: s.flag, Key: s.key, Value: value})
		}
	}
	c, problems := config.Load(in)
	if len(problems) > 0 {
		return nil, problemLines(problems)
	}
	return &c, nil
}

// problemLines makes one error of all problems.
func problemLines[P error](problems []P) linesError {
	lines := make(linesError, len(problems))
	for i, p := range problems {
		lines[i] = p.Error()
	}
	return lines
}
