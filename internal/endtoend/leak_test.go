package endtoend

import (
	"net/http"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

// fleet is sources of every temper in one collector. forget drops what only the
// test keeps of them: its logs, and the simulator's log of searches.
func fleet(t *testing.T) (c *collector.Collector, forget func()) {
	t.Helper()
	rigs := map[string]*rig{}
	for _, name := range []string{"good", "hanging", "hanging-body", "stumbling", "dead"} {
		for _, api := range []session.API{session.Intersight, session.OAM} {
			c := world.DefaultConfig()
			c.Intersight.Sessions, c.OAM.Sessions, c.Warmup = 30, 30, 4*time.Hour
			r := newRig(t, api, world.New(c), simintersight.Options{}, simoam.Options{})
			r.change = func(o *collector.Options) { o.Name = name + "-" + string(api); o.Timeout = time.Minute }
			switch name {
			case "hanging":
				r.faults.Set(faults.Fault{Effect: faults.Hang()})
			case "hanging-body":
				r.faults.Set(faults.Fault{Effect: faults.HangBody()})
			case "stumbling":
				r.faults.Set(faults.Fault{Effect: faults.Reset(), Probability: .5})
			case "dead":
				r.url = "http://" + testkit.FreeAddress(t)
			}
			rigs[name+"-"+string(api)] = r.start()
		}
	}
	var all []*collector.Source
	for _, r := range rigs {
		all = append(all, r.source)
	}
	return collector.New(all...), func() {
		for _, r := range rigs {
			r.log.Reset()
			if r.oam != nil {
				r.oam.Queries()
			}
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// scrapeAll scrapes n times, eight at once, each with little of the time that the
// sources may take.
func scrapeAll(t *testing.T, c *collector.Collector, n int) {
	t.Helper()
	jobs := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range jobs {
				allowed := time.Duration(50+i%5*50) * time.Millisecond
				g, err := c.Scrape(t.Context(), allowed)
				if err != nil {
					t.Error(err)
					return
				}
				begin := time.Now()
				if _, err := g.Gather(); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took > allowed+30*time.Second {
					t.Errorf("a scrape with %s took %s; want at most %s", allowed, took, allowed+30*time.Second)
				}
			}
		})
	}
	for i := range n {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
}

// Scrapes in parallel against good, dead and hanging APIs leave nothing behind.
// That no goroutine outlives them is checked by TestMain. There are many, as what
// each leaves behind may be little.
func TestScrapesLeaveNothingBehind(t *testing.T) {
	c, forget := fleet(t)
	scrapeAll(t, c, 100)
	forget()
	goroutines, fds, bytes := runtime.NumGoroutine(), descriptors(t), heap()
	scrapes := shortened(400)
	if os.Getenv("SOAK") != "" {
		scrapes = 10_000
	}
	scrapeAll(t, c, scrapes)
	forget()
	http.DefaultClient.CloseIdleConnections()
	settle := time.Now().Add(time.Minute)
	for time.Now().Before(settle) && (runtime.NumGoroutine() > goroutines+20 || descriptors(t) > fds+10) {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > goroutines+20 {
		t.Errorf("%d goroutines, %d before; want at most %d", n, goroutines, goroutines+20)
	}
	if n := descriptors(t); n > fds+10 {
		t.Errorf("%d descriptors, %d before; want at most %d", n, fds, fds+10)
	}
	if n := heap(); n > bytes+1<<20 {
		t.Errorf("%d bytes of heap, %d before; want at most %d", n, bytes, bytes+1<<20)
	}
}
