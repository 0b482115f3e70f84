package intersight

import (
	"bytes"
	"context"
	"sync"
	"time"

	"iam_session_exporter/internal/httpclient"
)

// buffers hold the answers of the requests that are under way together.
type buffers [maxConcurrent]bytes.Buffer

// widthFor returns how many pages are asked for at once, by the size of the first:
// together they must not be larger than one answer may be, and each may be twice as
// large as the first.
func widthFor(firstSize int) int {
	return min(max(httpclient.MaxBody/2/max(firstSize, 1), 1), maxConcurrent)
}

// addPages asks for pages of about some size concurrently, and takes them in in
// their order. It stops at a page that does not begin where the one before ends.
func (s *Source) addPages(ctx context.Context, l *listing, d *rowDecoder, skips []int, size int, bufs *buffers) error {
	type answer struct {
		page *fetched
		err  error
	}
	ctx, cancel := context.WithCancel(ctx)
	var answers [maxConcurrent]chan answer
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for i, skip := range skips {
		answers[i] = make(chan answer, 1)
		wg.Go(func() {
			if bufs[i].Reset(); len(skips) > 1 {
				bufs[i].Grow(size) // rather than to twice as much
			}
			page, err := s.sessions.fetch(ctx, l.asked, skip, pageSize, &bufs[i])
			answers[i] <- answer{page, err}
		})
	}
	for i := range skips {
		a := <-answers[i]
		if a.err != nil {
			return a.err
		}
		if i > 0 && a.page.skip != l.end-1 {
			return nil
		}
		if err := s.add(l, a.page, d); err != nil {
			return err
		}
		if l.ended || l.cut {
			return nil
		}
	}
	return nil
}

func (s *Source) add(l *listing, f *fetched, d *rowDecoder) error {
	if err := l.add(f, d); err != nil {
		return decodeError(f.what, err)
	}
	s.widest.saw(l.rows, s.cfg.Now())
	return nil
}

// keepWidest is how long it is believed that an API lists as many rows at once as it
// did.
const keepWidest = time.Hour

// widest remembers the most rows that the API listed at once lately. It is safe for
// concurrent use.
type widest struct {
	mu   sync.Mutex
	most int
	at   time.Time
}

func (w *widest) rows(now time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := now.Sub(w.at); d < 0 || d >= keepWidest {
		w.most = 0
	}
	return w.most
}

func (w *widest) saw(rows int, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if rows >= w.most {
		w.most, w.at = rows, now
	}
}
