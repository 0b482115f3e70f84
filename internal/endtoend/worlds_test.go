package endtoend

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// Over random worlds, forms of answers, faults and movement, nothing that is
// published is wrong. It draws for a minute, since each rare combination is one in
// many. WORLD=oam-17 runs one again.
func TestRandomWorlds(t *testing.T) {
	t.Parallel()
	if one := os.Getenv("WORLD"); one != "" {
		api, number, _ := strings.Cut(one, "-")
		seed, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			t.Fatalf("WORLD=%s is no api-seed: %v", one, err)
		}
		draw(session.API(api), seed).run(t, &tally{})
		return
	}
	first := uint64(0)
	if os.Getenv("SOAK") != "" { // others each time
		first = uint64(time.Now().Unix())
	}
	limit := lasting(time.Minute)
	end := time.Now().Add(limit)
	var all tallies
	var wg sync.WaitGroup
	for _, api := range []session.API{session.Intersight, session.OAM} {
		wg.Go(func() {
			for seed := first; time.Now().Before(end); seed++ {
				s := draw(api, seed)
				t.Run(fmt.Sprintf("%s-%d", api, seed), func(t *testing.T) { s.run(t, all.of(api, s)) })
			}
		})
	}
	wg.Wait()
	all.check(t, limit)
}

// tally sums up what came of the worlds of one kind.
type tally struct{ worlds, scrapes, up, complete, moved, named int }

type tallies struct {
	mu    sync.Mutex
	kinds map[string]*tally
}

// of is the tally of a world's API and fault. Worlds of one API run one after
// another.
func (a *tallies) of(api session.API, s *scenario) *tally {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kinds == nil {
		a.kinds = map[string]*tally{}
	}
	key := string(api) + ", " + s.fault.class.String()
	if a.kinds[key] == nil {
		a.kinds[key] = &tally{}
	}
	return a.kinds[key]
}

// check reports the sums, and fails where faults that are rare take a source
// down often, or where the draw has become one-sided.
func (a *tallies) check(t *testing.T, limit time.Duration) {
	var sum tally
	for kind, n := range a.kinds {
		t.Logf("%s: %d worlds, %d scrapes, %d up, %d complete, %d while sessions moved, %d values counted in incomplete ones", kind, n.worlds, n.scrapes, n.up, n.complete, n.moved, n.named)
		if strings.Contains(kind, "rare") && n.scrapes >= 50 && n.up*10 < n.scrapes*9 {
			t.Errorf("%s: up in %d of %d scrapes", kind, n.up, n.scrapes)
		}
		sum = tally{sum.worlds + n.worlds, sum.scrapes + n.scrapes, sum.up + n.up, sum.complete + n.complete, sum.moved + n.moved, sum.named + n.named}
	}
	if limit >= time.Minute && (sum.worlds < 20 || sum.complete == 0 || sum.complete == sum.up || sum.up == sum.scrapes || sum.moved == 0 || sum.named == 0) {
		t.Errorf("the worlds are few or one-sided: %+v", sum)
	}
}
