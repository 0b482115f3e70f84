// Package config reads the YAML configuration file. What it returns is valid:
// defaults are filled in, file paths are resolved, and nothing impossible is
// left for the rest of the program to check.
//
// A file holds no secrets, only the names of files that do, and this package
// never keeps what those files hold.
//
// What only one session API can be told is in a file of its own, intersight.go
// or oam.go: an API is an entry of Known, an option an entry of its Keys. The
// keys of the HTTP client are Prometheus's, documented at
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/.
package config

import (
	"os"
	"path/filepath"
	"time"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/smallfile"
)

// maxBytes bounds a configuration file. Ten thousand networks fit into a third.
const maxBytes = smallfile.Max

// Config is a valid configuration. It must not be changed.
type Config struct {
	Sources []Source // at least one, in the file's order
	grouping.Grouping
	Alerting *Alerting // nil: there is none

	file     string
	files    []fileRef
	warnings Errors
}

// Source is one session API to read. It must not be changed.
type Source struct {
	Name        string        // label value of "source": letters, digits and _.:- only, 1 to 128 bytes, unique
	API         session.API   // one of those that may be named
	URL         string        // scheme://host[:port]; lower case, no trailing slash, no default port
	Timeout     time.Duration // the most one refresh may take, > 0
	MinInterval time.Duration // a snapshot younger than this answers, >= 0
	ProbeOnly   bool          // left out of /metrics

	// APIKey signs requests. It is nil where HTTP authenticates them.
	APIKey *APIKey

	// HTTP never follows redirects and holds no inline secret. Its OAuth2, if
	// any, has a token URL, and TLS and proxy settings of its own or inherited.
	HTTP promconfig.HTTPClientConfig

	// Options are those that only this API has, such as *OAMOptions; nil: none.
	Options Options
}

// APIKey is an Intersight API key. Exactly one of ID and IDFile is set.
type APIKey struct {
	ID            string `yaml:"id,omitempty" json:"id,omitempty"`                           // blanks around it removed
	IDFile        string `yaml:"id_file,omitempty" json:"id_file,omitempty"`                 // resolved path
	SecretKeyFile string `yaml:"secret_key_file,omitempty" json:"secret_key_file,omitempty"` // resolved path, PEM
}

// Load reads the file at path. Relative paths in it are relative to its
// directory. The error is an Errors.
func Load(path string) (*Config, error) { return Known().Load(path) }

// Load reads a file as the function of that name does, with these APIs.
func (as APIs) Load(path string) (*Config, error) {
	data, err := smallfile.Read(path)
	if err != nil {
		return nil, Errors{{File: path, Message: "cannot be read: " + cause(err)}}
	}
	d := &decoder{apis: as, file: path, dir: filepath.Dir(path), env: os.LookupEnv, now: time.Now}
	c := d.parse(data)
	if len(d.errs) == 0 {
		return c, nil
	}
	// Whoever mends the mistakes wants to hear of missing files at once, too.
	_, missing := checkFiles(path, d.files)
	return nil, append(d.errs, missing...).sorted()
}

// Parse reads a configuration from data. filename appears in errors; relative
// paths are relative to dir. ${VAR} in paths is taken from the environment. The
// error is an Errors that lists every mistake, by line.
func Parse(data []byte, filename, dir string) (*Config, error) {
	return Known().Parse(data, filename, dir)
}

// Parse reads a configuration as the function of that name does, with these APIs.
func (as APIs) Parse(data []byte, filename, dir string) (*Config, error) {
	d := &decoder{apis: as, file: filename, dir: dir, env: os.LookupEnv, now: time.Now}
	c := d.parse(data)
	if err := d.errs.sorted().asError(); err != nil {
		return nil, err
	}
	return c, nil
}

// parse reads a configuration; it is valid where d has no errors.
func (d *decoder) parse(data []byte) *Config {
	c := d.config(data)
	if c != nil {
		c.file, c.files, c.warnings = d.file, d.files, d.warnings.sorted()
	}
	return c
}

// Warnings lists what is legal but doubtful, by line. It looks at no file.
func (c *Config) Warnings() Errors { return c.warnings }

// keys are those of a file.
func (c *Config) keys(apis APIs) []Option {
	return []Option{
		custom("sources", `[{name: intersight, api: intersight, url: "https://intersight.com", api_key: {id_file: intersight.id, secret_key_file: intersight.pem}}]`, "at least one", apis.sourcesSchema, func(o *object) { c.Sources = o.sources() }).must(""),
		below("labels", "{role: {limit: 100}}", "every label whose values come from the data has a limit: the values with most sessions are published by name, the rest is in \"other\"",
			labelsKeys(&c.Labels)),
		custom("networks", "{hq: [10.0.0.0/8]}", "named networks, for the label client_network. The longest prefix that contains an address wins. The names other, unknown, none and invalid are reserved. Default: none",
			networksSchema, func(o *object) { c.Networks = o.networks() }),
		custom("alerting", "{alertmanagers: [], key_file: pseudonyms.key}", "alerts on sessions, sent to Alertmanager by this exporter, with who and where. Default: none of this",
			func() schema { return mapping(defaultAlerting().keys(nil, nil)) },
			func(o *object) { c.Alerting = o.alerting(c.networkNames(), c.Sources) }),
	}
}

func (c *Config) networkNames() []string {
	var names []string
	for _, n := range c.Networks {
		names = append(names, n.Name)
	}
	return names
}

func (d *decoder) config(data []byte) *Config {
	root, ok := d.document(data)
	if !ok {
		return nil
	}
	o := d.object(root)
	c := new(Config)
	o.read(c.keys(d.apis))
	o.close()
	if len(d.errs) == 0 {
		d.literalVariables(root)
	}
	return c
}
