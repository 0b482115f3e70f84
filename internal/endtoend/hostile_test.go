package endtoend

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

// cost is the most that an attack may cost.
type cost struct {
	scrape   time.Duration // of both sources, which are asked at once; half as much again of the processor
	requests int           // of one source in one scrape
}

// hostileMemory is the most that the process may ever hold, in MiB, with an
// Intersight and an OAM that both do it.
const hostileMemory = 200

// attack is what both APIs do in each scrape.
type attack struct {
	api     string // what the API does
	does    string // what the exporter does
	reasons string // that its failures may have
	most    cost

	serve func(api session.API, well http.Handler) http.Handler
	http2 faults.HTTP2Fault // where it is other than 0, over TLS
}

// patient reports whether the sources have so much time that none of their failures
// is a timeout, however busy the machine.
func (a attack) patient() bool { return !strings.Contains(a.reasons, "timeout") }

// hostileTimeout is that of the sources.
const hostileTimeout = time.Second

func effect(e faults.Effect) func(session.API, http.Handler) http.Handler {
	return func(_ session.API, well http.Handler) http.Handler { return e.Always(well) }
}

func flood(rows, text, total int) func(session.API, http.Handler) http.Handler {
	return func(api session.API, _ http.Handler) http.Handler {
		n := rows
		if api == session.OAM && rows > 28 && total > 0 {
			n = 28
		}
		return &faults.Hostile{API: api, Rows: n, Text: text, Names: true, Total: total}
	}
}

// attacks are the rows of docs/hostile-answers.md.
func attacks() []attack {
	quick, full := cost{hostileTimeout / 2, 4}, cost{hostileTimeout, 4}
	well := func(_ session.API, h http.Handler) http.Handler { return h }
	return []attack{
		{"new session IDs in each response, 20,000 sessions in total", "publishes what is listed, remembers at most 200,000 sessions of a source", "timeout", cost{hostileTimeout, 200}, flood(1000, 0, 20_000), 0},
		{"100,000 new sessions in each refresh", "publishes what is listed, remembers at most 200,000 sessions of a source", "timeout, untrusted", cost{10 * hostileTimeout, 200}, flood(1000, 0, 100_000), 0},
		{"texts just below the size limit of a response", "cuts each text at 1 KiB", "timeout, untrusted", cost{hostileTimeout, 200}, flood(28, 20<<10, 28), 0},
		{"texts of 1 MiB", "stops reading at 16 MiB (OAM: 2 MiB)", "decode", full, flood(28, 1<<20, 28), 0},
		{"millions of rows in one response", "stops reading at 16 MiB (OAM: 2 MiB, 1,000 rows)", "decode", full, flood(5_000_000, 100, 0), 0},
		{"a response of 1 GiB, compressed to 1 MiB", "stops unpacking at 16 MiB (OAM: 2 MiB)", "decode, timeout", full, effect(faults.GzipBomb(1 << 30)), 0},
		{"errors without end", "reads the beginning", "http", full, endless(500), 0},
		{"10 MiB of headers", "stops reading at 256 KiB", "decode", full, effect(faults.GiantHeaders(10 << 20)), 0},
		{"thousands of informational responses", "stops at 256 KiB of headers", "decode", cost{hostileTimeout, 200}, effect(faults.EarlyHints(5000)), 0},
		{"a flood on the connection after the response", "closes the connection", "decode, connect, timeout", cost{hostileTimeout, 200}, effect(faults.FloodAfter()), 0},
		{"HTTP/2: PING without end", "closes the connection", "connect, timeout", cost{hostileTimeout, 200}, well, faults.HTTP2Pings},
		{"HTTP/2: empty frames without end", "closes the connection", "connect, timeout", cost{hostileTimeout, 200}, well, faults.HTTP2Empty},
		{"HTTP/2: unknown frames without end", "closes the connection", "connect, timeout", cost{hostileTimeout, 200}, well, faults.HTTP2Unknown},
		{"HTTP/2: GOAWAY in response to each request", "opens at most 3 connections for a request", "connect", full, well, faults.HTTP2Refuse},
		{"HTTP/2: a connection that is dead after one response", "gives up the connection with the first timeout", "timeout", cost{hostileTimeout, 200}, well, faults.HTTP2Dead},
		{"`101 Switching Protocols`, and then nothing", "refuses it", "http", quick, effect(faults.SwitchingProtocols()), 0},
		{"nothing", "waits for its timeout", "timeout", full, effect(faults.Hang()), 0},
		{"a body that never ends", "waits for its timeout", "timeout", full, effect(faults.Drip(20 * time.Millisecond)), 0},
		{"an echo of the request", "shows the status only", "http", quick, effect(faults.Echo(502)), 0},
	}
}

// endless answers an error with a body that does not end.
func endless(status int) func(session.API, http.Handler) http.Handler {
	return func(session.API, http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(status)
			block := []byte(strings.Repeat("x", 64<<10))
			for _, err := w.Write(block); err == nil; {
				_, err = w.Write(block)
			}
		})
	}
}

// beset is the program and two APIs that attack it.
type beset struct {
	*process
	requests [2]*faults.Handler // they only count
}

func besiege(t *testing.T, a attack) *beset {
	t.Helper()
	b := &beset{}
	dir := t.TempDir()
	key, err := apiKey()
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "key.pem", string(key.Mislabeled))
	write(t, dir, "password", "correct horse")
	timeout := max(hostileTimeout, a.most.scrape)
	if a.patient() {
		timeout = time.Minute
	}
	config := "sources:\n"
	for i, api := range []session.API{session.Intersight, session.OAM} {
		w := world.NewStatic(world.Static{API: api, Sessions: 300, Now: time.Now()})
		w.Follow(time.Now)
		var well http.Handler = simintersight.New(w, simintersight.Options{})
		access := "api_key: {id: " + simintersight.KeyID + ", secret_key_file: key.pem}"
		if api == session.OAM {
			well = simoam.New(w, simoam.Options{Cookie: true})
			access = "min_interval: 0s, basic_auth: {username: monitor, password_file: password}"
		}
		b.requests[i] = faults.New(a.serve(api, well), 1)
		o := simulator.ServeOptions{}
		if a.http2 != faults.HTTP2Well {
			var http2 faults.HTTP2
			http2.Set(a.http2)
			o.TLS, o.ServeTLS = true, http2.Serve
		}
		server, err := simulator.Serve(b.requests[i], o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		if o.TLS {
			write(t, dir, string(api)+".pem", string(server.CA))
			access += ", tls_config: {ca_file: " + string(api) + ".pem}"
		}
		config += fmt.Sprintf("  - {name: %s, api: %s, url: %q, timeout: %s, %s}\n", api, api, server.URL, timeout, access)
	}
	b.process = run(t, "http", "--config.file="+write(t, dir, "config.yml", config))
	return b
}

// state is what a process holds.
type state struct {
	peak, resident float64 // MiB
	descriptors    int
	cpu            time.Duration
	logged         int // bytes
}

func (b *beset) state() state {
	b.t.Helper()
	dir := fmt.Sprintf("/proc/%d/", b.cmd.Process.Pid)
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		b.t.Fatal(err)
	}
	field := func(name string) float64 {
		_, rest, _ := strings.Cut(string(status), "\n"+name+":")
		n, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		return n
	}
	fds, err := os.ReadDir(dir + "fd")
	if err != nil {
		b.t.Fatal(err)
	}
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		b.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	times := strings.Fields(after)
	ticks := 0
	for _, s := range times[11:13] { // user and system time, in hundredths
		n, _ := strconv.Atoi(s)
		ticks += n
	}
	return state{field("VmHWM") / 1024, field("VmRSS") / 1024, len(fds), time.Duration(ticks) * 10 * time.Millisecond, len(b.err.String())}
}

// waiting is for how long threads have been ready to run while the machine had
// other things to do: the exporter's, and the APIs' if no timeout ends what they
// do. Of what waits at the same time it is the sum, so it excuses at most one in
// four late scrapes; but all of them if no timeout is there to end them.
func (b *beset) waiting(a attack) time.Duration {
	b.t.Helper()
	pids := []int{b.cmd.Process.Pid}
	if a.patient() {
		pids = append(pids, os.Getpid())
	}
	var sum time.Duration
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil || len(tasks) == 0 {
			b.t.Fatalf("no threads of process %d: %v", pid, err)
		}
		for _, path := range tasks {
			text, err := os.ReadFile(path)
			if err != nil {
				continue // it has ended
			}
			var ran, waited time.Duration
			if _, err := fmt.Sscan(string(text), &ran, &waited); err != nil {
				b.t.Fatal(err)
			}
			sum += waited
		}
	}
	return sum
}

// Whatever two APIs answer, and for however long, the program stays small, is
// done in time and asks no more than it should.
func TestWhatHostileAnswersCost(t *testing.T) {
	t.Parallel()
	scrapes := 4
	if os.Getenv("SOAK") != "" {
		scrapes = 240 // an hour, at one each 15 s
	}
	for _, a := range attacks() {
		t.Run(a.api, func(t *testing.T) {
			b := besiege(t, a)
			var begun held // the most of the first half
			slowest, busiest, most, late := time.Duration(0), time.Duration(0), 0, 0
			for i := range scrapes {
				before := [2]int{b.requests[0].Requests(), b.requests[1].Requests()}
				begin, waited, cpu := time.Now(), b.waiting(a), b.state().cpu
				code, page := b.get("/metrics")
				took := time.Since(begin)
				busiest = max(busiest, b.state().cpu-cpu)
				if took > a.most.scrape+time.Second {
					if waited = b.waiting(a) - waited; took-waited > a.most.scrape {
						t.Errorf("scrape %d took %v, and waited %v for the processor", i, took, waited)
					}
					late++
				}
				if code != 200 {
					t.Fatalf("%d %s\n%s", code, page, b.err.String())
				}
				slowest = max(slowest, took)
				for k, f := range b.requests {
					most = max(most, f.Requests()-before[k])
				}
				if i <= scrapes/2 {
					begun = begun.most(b.held(page))
				}
				if scrapes > 20 && i%20 == 0 {
					s := b.state()
					t.Logf("scrape %d: peak %.0f MiB, now %.0f MiB", i, s.peak, s.resident)
				}
			}
			end := b.state()
			b.reasons(t, a)
			t.Logf("peak %.0f MiB, slowest %v, busiest %v, %d late, %d requests, %+v, %v of CPU, %d bytes logged",
				end.peak, slowest.Round(time.Millisecond), busiest, late, most, begun, end.cpu, end.logged)
			if end.peak > hostileMemory {
				t.Errorf("%.0f MiB", end.peak)
			}
			if late*4 > scrapes && !a.patient() {
				t.Errorf("%d of %d scrapes were late, the slowest took %v", late, scrapes, slowest)
			}
			if busiest > a.most.scrape*3/2 {
				t.Errorf("a scrape took %v of the processor's time", busiest)
			}
			if most > a.most.requests+4 { // those given up may arrive late
				t.Errorf("%d requests in a scrape", most)
			}
			if end.logged > 64<<10 {
				t.Errorf("%d bytes of log: %.500s", end.logged, b.err.String())
			}
			b.flat(begun)
			b.quiet(t)
		})
	}
}

// reasons looks at what the failures were counted as.
func (b *beset) reasons(t *testing.T, a attack) {
	t.Helper()
	_, page := b.get("/metrics")
	for _, api := range []session.API{session.Intersight, session.OAM} {
		for _, r := range session.Reasons() {
			n := testkit.Value(page, fmt.Sprintf(`iam_source_errors_total{api=%q,reason=%q,source=%q}`, api, r, api))
			if n != "0" && !strings.Contains(a.reasons, string(r)) {
				t.Errorf("%s: %s errors of %s", api, n, r)
			}
		}
	}
}

// held is what a process holds after a scrape. It grows if something is not given
// back.
type held struct {
	goroutines, descriptors int
	resident                float64 // MiB
}

func (b *beset) held(page string) held {
	b.t.Helper()
	n, err := strconv.Atoi(testkit.Value(page, "go_goroutines"))
	if err != nil {
		b.t.Fatal(err)
	}
	s := b.state()
	return held{n, s.descriptors, s.resident}
}

func (h held) most(o held) held {
	return held{max(h.goroutines, o.goroutines), max(h.descriptors, o.descriptors), max(h.resident, o.resident)}
}

// flat compares what is held in the end with the most of the first half. A single
// scrape may hold more, as connections come and go; what leaks is there after each.
func (b *beset) flat(begun held) {
	b.t.Helper()
	var end held
	for range 20 {
		code, page := b.get("/metrics")
		if code != 200 {
			b.t.Fatalf("%d %s", code, page)
		}
		end = b.held(page)
		if end.goroutines <= begun.goroutines+10 && end.descriptors <= begun.descriptors+5 && end.resident <= begun.resident+hostileMemory/4 {
			return
		}
	}
	b.t.Errorf("holds %+v, %+v in the first half", end, begun)
}

// quiet looks at what the process does while nobody asks it anything, once it has
// collected the garbage of the last scrape.
func (b *beset) quiet(t *testing.T) {
	t.Helper()
	const while = 500 * time.Millisecond
	var spent time.Duration
	for range 10 {
		before := b.state()
		<-time.After(while) // there is no event: nothing should happen
		if spent = b.state().cpu - before.cpu; spent <= while/5 {
			return
		}
	}
	t.Errorf("%v of CPU in %v of rest", spent, while)
}

const hostilePage = "../../docs/hostile-answers.md"

// The page on what hostile answers cost is made from the attacks that are tested.
func TestHostileAnswersPage(t *testing.T) {
	b, err := os.ReadFile(filepath.FromSlash(hostilePage))
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("\n| the API sends | the exporter | reasons, if the refresh fails | requests per refresh, at most |\n|---|---|---|---|\n")
	for _, a := range attacks() {
		fmt.Fprintf(&table, "| %s | %s | `%s` | %d |\n", a.api, a.does, strings.ReplaceAll(a.reasons, ", ", "`, `"), a.most.requests)
	}
	want := section(t, string(b), "attacks", table.String()+"\n")
	if *update {
		if err := os.WriteFile(hostilePage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(b) != want {
		t.Error("docs/hostile-answers.md does not tell what is tested: make docs")
	}
}
