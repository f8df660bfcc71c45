package config

import "time"

// Default gives the configuration that holds where nothing is said.
func Default() Config {
	return Config{
		Upstream: Upstream{Connections: 512},
		Listen:   ":8080", Socket: Socket{Mode: 0o660},
		Shutdown:  Shutdown{Timeout: Duration(5 * time.Minute)},
		Admin:     Admin{Listen: "127.0.0.1:9090"},
		Console:   Console{Listen: ConsoleOff, IdleTimeout: Duration(30 * time.Minute), SessionLifetime: Duration(8 * time.Hour)},
		Legacy:    LegacyRule{Mode: LegacyAllow},
		Anonymous: AnonymousDeny,
		Web:       WebRefuse,
		DataDir:   "patgate-data",
		Routes:    Routes{WatchInterval: Duration(2 * time.Second)},
		Tokens: Tokens{
			DefaultLifetime: Duration(30 * day),
			MaxLifetime:     Duration(365 * day),
			MaxGrace:        Duration(7 * day),
			CheckInterval:   Duration(10 * time.Minute),
		},
		OIDC:  OIDC{MaxTokenAge: Duration(10 * time.Minute), MaxLifetime: Duration(time.Hour)},
		Learn: Learn{Mode: LearnTokens, Keep: Duration(90 * day)},
		Limits: Limits{
			HeaderBytes:             16 << 10,
			BodyBytes:               1 << 20,
			BodyMemory:              1 << 20,
			BodiesMemory:            256 << 20,
			BodiesDisk:              2 << 30,
			Connections:             4096,
			FailedCredentials:       10,
			FailedCredentialsWindow: Duration(time.Minute),
			AuditQueue:              8192,
		},
		Timeouts: Timeouts{
			ReadHeader:       Duration(10 * time.Second),
			Idle:             Duration(75 * time.Second),
			ReadStall:        Duration(30 * time.Second),
			WriteStall:       Duration(30 * time.Second),
			UpstreamDial:     Duration(5 * time.Second),
			UpstreamResponse: Duration(60 * time.Second),
			UpstreamStall:    Duration(60 * time.Second),
			ClientGone:       Duration(5 * time.Second),
			UpstreamIdle:     Duration(50 * time.Second),
		},
		Cache: Cache{
			Tokens:          100_000,
			TokenTTL:        Duration(time.Minute),
			UnknownTokenTTL: Duration(10 * time.Second),
			Containers:      100_000,
		},
		Resolver: Resolver{
			FreshForReads:  Duration(30 * time.Second),
			FreshForWrites: Duration(5 * time.Second),
			NotFoundTTL:    Duration(5 * time.Second),
			Timeout:        Duration(10 * time.Second),
			Deadline:       Duration(15 * time.Second),
			BudgetPerToken: 120,
			BudgetPerOwner: 1200,
		},
		Log: Log{Level: LevelInfo, Format: FormatAuto, Audit: AuditStderr},
	}
}
