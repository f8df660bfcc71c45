package settings

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"patgate/cli/terminal"
	"patgate/config"
)

// AddStore gives a command on the store its flags.
func AddStore(cmd *cobra.Command) {
	Add(cmd.Flags(), Store())
	cmd.Flags().Bool("json", false, "print JSON")
}

// Setting is a key of the configuration that has a flag.
type Setting struct{ Flag, key, usage string }

// Store are those that every command on the store takes.
func Store() []Setting {
	return []Setting{
		{"upstream", "upstream.url", "address of the forge, such as https://gitlab.example.com"},
		{"forge", "forge", "what the forge is: auto, gitlab, gitea or forgejo"},
		{"data-dir", "data_dir", "directory for patgate's own files"},
		{"database", "store.database", "SQLite file (default db/patgate.db in the data directory)"},
		{"store-url", "store.url", "PostgreSQL database instead of a SQLite file; PATGATE_STORE_URL keeps its password out " +
			"of sight"},
		{"key-file", "store.key_file", "file with the sealing key (default keys/patgate.key in the data directory)"},
	}
}

// Serve are those of serve.
func Serve() []Setting {
	return append(Store(),
		Setting{"listen", "listen", "address to serve clients on"},
		Setting{"admin-listen", "admin.listen", "address for metrics and health, or off"},
		Setting{"console-listen", "console.listen", "address of the web console, gateway, or off"},
		Setting{"console-url", "console.public_url", "address under which browsers reach the console"},
		Setting{"public-url", "public_url", "address under which clients reach patgate"},
		Setting{"tls-cert", "tls.cert_file", "PEM file with the certificate to serve"},
		Setting{"tls-key", "tls.key_file", "PEM file with the certificate's key"},
		Setting{"upstream-ca", "upstream.ca_file", "PEM file with the certificate authorities of the forge"},
		Setting{"routes", "routes.overlays", "files or directories laid over the built-in route table, comma-separated"},
		Setting{"legacy", "legacy", "credentials that are not patgate tokens: allow, read_only or deny"},
		Setting{"anonymous", "anonymous", "requests without a credential: deny or allow"},
		Setting{"web", "web", "browser pages and cookies: refuse or pass"},
		Setting{"log-level", "log.level", "debug, info, warn or error"},
		Setting{"log-format", "log.format", "auto, json or console"},
	)
}

// Admin are the settings of commands that ask a running server how it is.
func Admin() []Setting {
	return []Setting{{"admin-listen", "admin.listen", "address of the server's metrics and health"}}
}

// otherEnv are environment variables with patgate's prefix that are not keys of the configuration. PATGATE_TOKEN is where the
// docs have clients find their token; patgate does not read it.
func otherEnv() []string {
	return []string{"PATGATE_CONFIG", "PATGATE_E2E_REQUIRED", "PATGATE_OWNER_CREDENTIAL", "PATGATE_OWNER_CREDENTIAL_FILE",
		"PATGATE_SERVER", "PATGATE_TOKEN", "PATGATE_ID_TOKEN", "PATGATE_ID_TOKEN_FILE"}
}

// Add gives a command the flag --config and those of the settings.
func Add(flags *pflag.FlagSet, settings []Setting) {
	flags.String("config", "", "YAML file with the configuration (default: PATGATE_CONFIG)")
	for _, s := range settings {
		flags.String(s.Flag, "", s.usage)
	}
}

// Need says what a command needs from the configuration.
type Need bool

const (
	// WithUpstream is for commands that ask the forge.
	WithUpstream Need = true
	// WithoutUpstream is for commands that do not ask the forge: its address may be missing.
	WithoutUpstream Need = false
)

// Load reads the configuration that a command's flags, the environment and the file give; the error holds one
// line for each problem.
func Load(cmd *cobra.Command, settings []Setting, upstream Need) (*config.Config, error) {
	return LoadKnowing(cmd, settings, upstream, "")
}

// LoadKnowing is Load with the address of the forge that is taken when nothing else gives one; empty: none.
func LoadKnowing(cmd *cobra.Command, settings []Setting, upstream Need, known string) (*config.Config, error) {
	in := input(upstream)
	in.Upstream = known
	if cmd.Flags().Changed("config") {
		in.File, _ = cmd.Flags().GetString("config")
	}
	for _, s := range settings {
		if cmd.Flags().Changed(s.Flag) {
			value, err := cmd.Flags().GetString(s.Flag)
			if err != nil {
				return nil, err
			}
			in.Flags = append(in.Flags, config.Flag{Name: s.Flag, Key: s.key, Value: value})
		}
	}
	return load(in)
}

// LoadFile reads the configuration that another file and the environment give, without the command's flags.
func LoadFile(name string) (*config.Config, error) {
	in := input(WithoutUpstream)
	in.File = name
	return load(in)
}

// input is what the environment gives.
func input(upstream Need) config.Input {
	env := config.Environ(os.Environ())
	return config.Input{File: env["PATGATE_CONFIG"], Env: env, OtherEnv: otherEnv(), NoUpstream: upstream == WithoutUpstream}
}

func load(in config.Input) (*config.Config, error) {
	c, problems := config.Load(in)
	if len(problems) > 0 {
		return nil, terminal.Problems(problems)
	}
	return &c, nil
}
