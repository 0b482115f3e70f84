package intersight

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"iam_session_exporter/internal/charset"
	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/session"
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
// their order. It stops at a page that does not begin where the one before ends. One
// that is larger than its part of what they may take together is asked for again
// by itself, when the others have ended.
func (s *lister) addPages(ctx context.Context, l *listing, d *rowDecoder, skips []int, size int) error {
	large, err := s.addTogether(ctx, l, d, skips, size)
	if err != nil || large < 0 {
		return err
	}
	s.bufs = buffers{}
	s.decided(ctx, fmt.Sprintf("the page from row %d is large: asking for it by itself", large))
	_, err = s.addTogether(ctx, l, d, []int{large}, size)
	return err
}

// addTogether returns the first row of a page that is too large beside the others;
// -1 where there is none.
func (s *lister) addTogether(ctx context.Context, l *listing, d *rowDecoder, skips []int, size int) (large int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	answers := s.fetchTogether(ctx, &wg, l.asked, skips, size)
	for i, skip := range skips {
		a := <-answers[i]
		switch {
		case i > 0 && skip != l.end-1:
			return -1, nil // of no use
		case len(skips) > 1 && (httpclient.TooLarge(a.err) || errors.Is(a.err, charset.ErrTooLarge)):
			return skip, nil
		case a.err != nil:
			return -1, a.err
		}
		if err := s.add(l, a.page, d); err != nil {
			return -1, err
		}
		if l.ended || l.cut {
			break
		}
	}
	return -1, nil
}

// answer is a page, or why there is none.
type answer struct {
	page *fetched
	err  error
}

// fetchTogether asks for pages concurrently, each into a buffer and a channel of its
// own.
func (s *lister) fetchTogether(ctx context.Context, wg *sync.WaitGroup, properties []string, skips []int, size int) (answers [maxConcurrent]chan answer) {
	maxBody := int64(httpclient.MaxBody / len(skips))
	for i, skip := range skips {
		answers[i] = make(chan answer, 1)
		wg.Go(func() {
			buf := &s.bufs[i]
			if buf.Reset(); len(skips) > 1 {
				buf.Grow(size) // rather than to twice as much
			}
			page, err := s.endpoint.fetch(ctx, query{properties: properties, skip: skip, maxBody: maxBody, buf: buf})
			answers[i] <- answer{page, err}
		})
	}
	return answers
}

func (s *lister) add(l *listing, f *fetched, d *rowDecoder) error {
	err := l.add(f, d)
	if _, ok := errors.AsType[*misfit](err); ok {
		return &session.Error{Reason: session.ReasonUntrusted, Err: fmt.Errorf("%s: %w", f.what, err)}
	}
	if err != nil {
		return decodeError(f.what, err)
	}
	return nil
}
