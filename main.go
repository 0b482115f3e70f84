// Command iam_session_exporter is a Prometheus exporter for the login sessions of
// Cisco Intersight and Oracle Access Manager.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // time zones of hours, on hosts and in images that have none

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/alerting"
	"iam_session_exporter/internal/commands"
	"iam_session_exporter/internal/exporter"
	"iam_session_exporter/internal/healthcheck"
	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/logging"
	"iam_session_exporter/internal/oam"
	"iam_session_exporter/internal/preflight"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/web"
)

const (
	program     = "iam_session_exporter"
	defaultAddr = ":10987"

	serveCommand    = "serve"
	checkCommand    = "check-config"
	simulateCommand = "simulate"
	healthCommand   = "healthcheck"
)

// usage lists a command's own flags first, without a command those of the default
// one: they are the ones that are looked for.
var usage = strings.NewReplacer("{{if .Context.Flags -}}\nFlags:\n{{.Context.Flags|", `{{define "Own"}}{{if .Flags -}}
Flags of {{.Name}}{{if .Default}}, the default command{{end}}:
{{.Flags|FlagsToTwoColumns|FormatTwoColumns}}
{{end}}{{end -}}
{{if .Context.SelectedCommand}}{{template "Own" .Context.SelectedCommand}}{{else}}{{range .App.Commands}}{{if .Default}}{{template "Own" .}}{{end}}{{end}}{{end -}}
{{if .App.Flags -}}
Flags of all commands:
{{.App.Flags|`).Replace(kingpin.DefaultUsageTemplate)

// flags are those of all commands.
type flags struct {
	configFile    string
	demo          bool
	alertmanager  string // of the demo
	telemetryPath string
	timeoutOffset time.Duration
	logLevel      string
	logFormat     string
	externalURL   string
	check         commands.Check
	online        bool // check-config --online
	checkOnly     bool // --config.check
	web           *toolkit.FlagConfig
	addressGiven  bool // --web.listen-address
}

func main() { os.Exit(run(os.Args[1:])) }

// commandLine makes flags and commands. It returns what those commands do that serve
// nothing and send their errors back.
func commandLine(f *flags) (app *kingpin.Application, tools map[string]func(log.Logger) error) {
	app = kingpin.New(program, "Exports the login sessions of Cisco Intersight and Oracle Access Manager to Prometheus.")
	app.HelpFlag.Short('h')
	app.Version(version.Print(program))
	app.UsageWriter(os.Stdout)
	app.UsageTemplate(usage)
	f.web = kingpinflag.AddFlags(app, defaultAddr)
	app.GetFlag("web.listen-address").IsSetByUser(&f.addressGiven)
	app.Flag("web.telemetry-path", "Path under which to expose metrics.").Default("/metrics").StringVar(&f.telemetryPath)
	app.Flag("web.external-url", "URL under which people and Prometheus reach this exporter, for example behind a reverse proxy. Used for service discovery and for links in alerts.").StringVar(&f.externalURL)
	app.Flag("log.level", "Only log messages of this level or above.").Default("info").EnumVar(&f.logLevel, logging.Levels...)
	app.Flag("log.format", "Output format of log messages.").Default("logfmt").EnumVar(&f.logFormat, logging.Formats...)

	serve := app.Command(serveCommand, "Serve metrics.").Default()
	serve.Flag("config.file", "Configuration file.").Default(program + ".yml").StringVar(&f.configFile)
	serve.Flag("config.check", "Only check the configuration file, as check-config does.").BoolVar(&f.checkOnly)
	serve.Flag("demo", "Run without a configuration file, scraping two built-in simulated APIs.").BoolVar(&f.demo)
	serve.Flag("demo.alertmanager", "URL of the Alertmanager to which the demo sends its own alerts. Empty: it only shows them.").StringVar(&f.alertmanager)
	serve.Flag("scrape.timeout-offset", "Time to subtract from Prometheus's scrape timeout (at most 10 % of it).").Default("0.5s").DurationVar(&f.timeoutOffset)
	check := app.Command(checkCommand, "Check configuration files; report every error with its file and line.")
	check.Flag("print", "Print the configuration in force: defaults written out, secrets hidden. The report goes to standard error.").BoolVar(&f.check.Print)
	check.Flag("online", "Also sign in to each source once, read a page of each list or one search, and say what works and what to do; exit 3 if something does not.").BoolVar(&f.online)
	check.Arg("file", "Configuration files.").Required().StringsVar(&f.check.Files)
	app.Command(simulateCommand, "Serve only the simulated APIs, and print a configuration for them.")
	app.Command(healthCommand, "Exit 0 if the exporter on this host is healthy.")
	return app, alertingCommands(app)
}

func run(args []string) int {
	var f flags
	app, tools := commandLine(&f)
	command, err := app.Parse(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v; try --help\n", program, err)
		return 2
	}
	if err := web.CheckTelemetryPath(f.telemetryPath); err != nil {
		fmt.Fprintf(os.Stderr, "%s: --web.telemetry-path: %v\n", program, err)
		return 2
	}
	external, err := web.ParseExternalURL(f.externalURL)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: --web.external-url: %v\n", program, err)
		return 2
	}
	logger, slogger, err := logging.New(os.Stderr, f.logLevel, f.logFormat)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", program, err)
		return 2
	}
	// net/http writes what a server sends without being asked, and a line for each
	// odd frame of HTTP/2, to the standard logger. All of ours have their own.
	stdlog.SetOutput(io.Discard)
	switch command {
	case serveCommand:
		if f.checkOnly {
			return checkOnly(f)
		}
		return serveMetrics(f, external, logger, slogger)
	case checkCommand:
		return checkConfig(f.check, f.online, *f.web.WebConfigFile)
	case simulateCommand:
		return serveSimulation(logger)
	case healthCommand:
		return checkHealth(f)
	}
	if err := tools[command](logger); err != nil {
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintf(os.Stderr, "%s: %s\n", program, strings.TrimSuffix(line, "\n"))
		}
		return 1
	}
	return 0
}

// alertingCommands adds the commands that are about alerting, and returns what each
// does.
func alertingCommands(app *kingpin.Application) map[string]func(log.Logger) error {
	file := func(c *kingpin.CmdClause) *string {
		return c.Flag("config.file", "Configuration file with an alerting block.").Required().String()
	}
	format := func(c *kingpin.CmdClause) *string {
		return c.Flag("format", "How to print it: text or json.").Default(commands.Text).Enum(commands.Formats()...)
	}
	explain := app.Command("detections", "Explain the detections: what each sees, what it can't see, and how it is set for each source.")
	explainFile := explain.Flag("config.file", "Configuration file; without one, the defaults are shown.").String()
	explainFormat := format(explain)

	var p commands.Pseudonyms
	pseudonym := app.Command("pseudonym", "Print the subject that users or addresses have in alerts, a tab, and the name.")
	pseudonymFile := file(pseudonym)
	pseudonym.Flag("kind", "What the names are: user or address.").Default(commands.User).EnumVar(&p.Kind, commands.Kinds()...)
	pseudonym.Flag("identity-store", "Identity store of the users, for OAM; without one, they are users of Intersight.").StringVar(&p.Store)
	pseudonym.Arg("name", "Users or addresses; without one, those on standard input, one a line.").StringsVar(&p.Names)

	var r commands.Recording
	record := app.Command("record", "Append a snapshot of each source to a file at each alerting.interval, with pseudonyms instead of names. No alert is sent.")
	recordFile := file(record)
	record.Flag("output", "File to append JSON lines to; only its owner can read it.").Required().StringVar(&r.Output)
	record.Flag("for", "Time to record.").Default("24h").DurationVar(&r.For)
	record.Flag("source", "Only these sources (repeatable).").StringsVar(&r.Sources)

	var y commands.Replays
	replay := app.Command("replay", "Print which alerts would have fired and resolved in recordings.")
	replayFile := file(replay)
	replayFormat := format(replay)
	replay.Arg("file", "Recordings, in the order of their time.").Required().StringsVar(&y.Files)

	return map[string]func(log.Logger) error{
		explain.FullCommand(): func(log.Logger) error {
			if *explainFile == "" {
				return commands.Detections(os.Stdout, nil, *explainFormat)
			}
			return withConfig(*explainFile, func(c *config.Config) error { return commands.Detections(os.Stdout, c, *explainFormat) })
		},
		pseudonym.FullCommand(): func(log.Logger) error {
			p.In, p.Out = os.Stdin, os.Stdout
			return withConfig(*pseudonymFile, p.Run)
		},
		record.FullCommand(): func(logger log.Logger) error {
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			r.Factories, r.Logger = factories(logger), logger
			return withConfig(*recordFile, func(c *config.Config) error { return r.Run(ctx, c) })
		},
		replay.FullCommand(): func(logger log.Logger) error {
			out := bufio.NewWriter(os.Stdout)
			y.Format, y.Out, y.Logger = *replayFormat, out, logger
			return errors.Join(withConfig(*replayFile, y.Run), out.Flush())
		},
	}
}

// withConfig calls f with the configuration in a file.
func withConfig(file string, f func(*config.Config) error) error {
	c, err := config.Load(file)
	if err != nil {
		return err
	}
	return f(c)
}

// factories makes the sources of each API. A new API is a package and a line. Alerts
// outlive a source that a reload replaces: what takes its place hashes as it did.
func factories(logger log.Logger) map[session.API]exporter.Factory {
	hasher := session.NewHasher()
	return map[session.API]exporter.Factory{
		session.Intersight: intersightSource(logger, hasher),
		session.OAM:        oamSource(logger, hasher),
	}
}

// userAgent is the program's name, with its version where the build told one.
func userAgent() string { return strings.TrimSuffix(program+"/"+version.Version, "/") }

func intersightSource(logger log.Logger, hasher session.Hasher) exporter.Factory {
	return func(c config.Source) (session.Source, error) {
		ic := intersight.Config{
			Name: c.Name, URL: c.URL, HTTP: c.HTTP, UserAgent: userAgent(), Options: c.Options.(*config.IntersightOptions).Options,
			Now: time.Now, Logger: log.With(logger, "source", c.Name), Hasher: hasher,
		}
		if k := c.APIKey; k != nil {
			ic.KeyID, ic.KeyIDFile, ic.SecretKeyFile = k.ID, k.IDFile, k.SecretKeyFile
		}
		return intersight.New(ic)
	}
}

func oamSource(logger log.Logger, hasher session.Hasher) exporter.Factory {
	return func(c config.Source) (session.Source, error) {
		return oam.New(oam.Config{
			Name: c.Name, URL: c.URL, HTTP: c.HTTP, UserAgent: userAgent(), Options: c.Options.(*config.OAMOptions).Options,
			Now: time.Now, Logger: log.With(logger, "source", c.Name), Hasher: hasher,
		})
	}
}

// ownMetrics is the registry of what the exporter says of itself.
func ownMetrics(e *exporter.Exporter) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		e,
		versioncollector.NewCollector(program),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return reg
}

// serveMetrics runs the exporter until a signal ends it.
func serveMetrics(f flags, external *url.URL, logger log.Logger, slogger *slog.Logger) int {
	// Each has a channel of its own: a storm of reloads must not swallow the end.
	reload, end := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(reload)
	defer signal.Stop(end)
	level.Info(logger).Log("msg", "Starting "+program, "version", version.Info(), "build", version.BuildContext())
	load := func() (*config.Config, error) { return config.Load(f.configFile) }
	if f.demo {
		demo, err := simulator.StartDemo(simulator.DemoOptions{Alertmanager: f.alertmanager})
		if err != nil {
			level.Error(logger).Log("msg", "Simulated APIs failed to start", "err", err)
			return 1
		}
		defer demo.Close()
		f.configFile = "demo"
		load = func() (*config.Config, error) { return config.Parse(demo.Config(), "demo", ".") }
	}
	options := exporter.Options{
		Name: f.configFile, Load: limitingMemory(load), Factories: factories(logger), Now: time.Now, Logger: logger,
		Alerting: alerting.Options{UserAgent: userAgent()},
	}
	if external != nil {
		options.Alerting.ExternalURL = external.String()
	}
	e, err := exporter.New(options)
	if err != nil {
		mistakes, ok := errors.AsType[config.Errors](err)
		if !ok {
			mistakes = config.Errors{{File: f.configFile, Message: err.Error()}}
		}
		for _, m := range mistakes {
			level.Error(logger).Log("msg", "Invalid configuration", "err", m)
		}
		return 1
	}
	defer e.Close()
	handler := web.New(web.Options{
		Exporter: e, Registry: ownMetrics(e), TelemetryPath: f.telemetryPath, ExternalURL: external,
		TimeoutOffset: f.timeoutOffset, Now: time.Now, Logger: logger,
	})
	server := web.NewServer(handler, logger)
	if f.demo {
		// Called once it listens, after the toolkit's own messages.
		server.BaseContext = func(l net.Listener) context.Context {
			if base, err := healthcheck.URL(l.Addr().String(), *f.web.WebConfigFile); err == nil {
				base = strings.Replace(base, "[::1]", "localhost", 1)
				level.Info(logger).Log("msg", "Demo is ready", "open", base, "try", "curl "+base+f.telemetryPath)
			}
			return context.Background()
		}
	}
	go func() {
		for range reload {
			_ = e.Reload() // logged and counted there
		}
	}()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s := <-end
		level.Info(logger).Log("msg", "Shutting down; waiting for scrapes in flight (signal again to exit now)", "signal", s)
		signal.Reset(syscall.SIGINT, syscall.SIGTERM)
		ctx, cancel := context.WithTimeout(context.Background(), drain)
		defer cancel()
		if err := errors.Join(handler.Drain(ctx), server.Shutdown(ctx)); err != nil {
			level.Warn(logger).Log("msg", "Stopped before all scrapes in flight ended", "err", err)
			_ = server.Close() // the process ends anyway
		}
	}()
	if err := toolkit.ListenAndServe(server, f.web, slogger); !errors.Is(err, http.ErrServerClosed) {
		level.Error(logger).Log("msg", "Web server failed", "err", withoutQuotes(err))
		return 1
	}
	<-stopped
	return 0
}

// The memory from which on the garbage collector works harder, in bytes. Hostile
// responses make much garbage in a short time: without a limit, the process would
// grow to twice of what it needs.
const (
	memoryOfProcess = 96 << 20
	memoryOfSource  = 30 << 20
)

// limitingMemory sets the limit for each configuration that is loaded, unless the
// environment sets one.
func limitingMemory(load func() (*config.Config, error)) func() (*config.Config, error) {
	return func() (*config.Config, error) {
		c, err := load()
		if err == nil && os.Getenv("GOMEMLIMIT") == "" {
			debug.SetMemoryLimit(memoryOfProcess + memoryOfSource*int64(len(c.Sources)))
		}
		return c, err
	}
}

// drain is how long scrapes under way are waited for when the exporter stops.
const drain = 20 * time.Second

// checkConfig exits with 1 if a configuration is not valid, and with 3 if all are, but
// something that they name does not work. A web configuration is checked, too, if
// there is one.
func checkConfig(k commands.Check, online bool, webFile string) int {
	k.Factories, k.Out, k.Err = factories(log.NewNopLogger()), os.Stdout, os.Stderr
	if online {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop) // a second signal ends it at once
		logins := preflight.Logins{}
		k.Online = func(c *config.Config, report io.Writer) (bool, error) {
			ok, err := preflight.Run(ctx, c, preflight.Options{Factories: k.Factories, UserAgent: userAgent(), Now: time.Now, Out: report, Progress: os.Stderr, Logins: logins})
			if err != nil {
				err = errors.New("interrupted")
			}
			return ok, err
		}
	}
	verdict := k.Run()
	if webFile != "" {
		verdict = max(verdict, checkWeb(k, webFile))
	}
	return map[commands.Verdict]int{commands.Works: 0, commands.Fails: 3, commands.Invalid: 1}[verdict]
}

// checkWeb checks the file of --web.config.file, which the exporter would only read
// when it begins to listen.
func checkWeb(k commands.Check, file string) commands.Verdict {
	report := k.Out
	if k.Print {
		report = k.Err
	}
	if err := toolkit.Validate(file); err != nil {
		fmt.Fprintf(report, "%s: %s\n", file, withoutQuotes(err))
		return commands.Invalid
	}
	fmt.Fprintf(report, "%s: valid\n", file)
	return commands.Works
}

// withoutQuotes is the text of an error without what a YAML parser quotes: in a web
// configuration that may be a password.
func withoutQuotes(err error) string {
	return regexp.MustCompile("`[^`]*`").ReplaceAllString(err.Error(), "a value")
}

// checkOnly is checkConfig for those who expect a flag.
func checkOnly(f flags) int {
	if f.demo {
		fmt.Fprintf(os.Stderr, "%s: --config.check checks a file, and --demo has none; try --help\n", program)
		return 2
	}
	return checkConfig(commands.Check{Files: []string{f.configFile}}, false, *f.web.WebConfigFile)
}

// serveSimulation runs the simulated APIs alone until a signal ends it.
func serveSimulation(logger log.Logger) int {
	// The demo has files: whatever ends it must not leave them behind.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		signal.Notify(signals, syscall.SIGHUP)
	}
	defer signal.Stop(signals)
	signal.Ignore(syscall.SIGPIPE) // a reader of standard output that has left is an error of the write
	demo, err := simulator.StartDemo(simulator.DemoOptions{})
	if err != nil {
		level.Error(logger).Log("msg", "Simulated APIs failed to start", "err", err)
		return 1
	}
	defer demo.Close()
	if _, err := os.Stdout.Write(demo.Config()); err != nil {
		level.Error(logger).Log("msg", "Printing the configuration failed", "err", err)
		return 1
	}
	level.Info(logger).Log("msg", "Simulated APIs are ready", "intersight", demo.IntersightURL(), "oam", demo.OAMURL())
	<-signals
	return 0
}

func checkHealth(f flags) int {
	if *f.web.WebSystemdSocket && !f.addressGiven {
		fmt.Fprintln(os.Stderr, "only systemd knows the address of its socket; set --web.listen-address=HOST:PORT")
		return 1
	}
	for _, address := range *f.web.WebListenAddresses {
		if err := healthcheck.Check(context.Background(), address, *f.web.WebConfigFile); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}
