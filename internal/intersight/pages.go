package intersight

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"iam_session_exporter/internal/charset"
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
// their order. It stops at a page that does not begin where the one before ends. One
// that is larger than its part of what they may take together is asked for again
// by itself, when the others have ended.
func (s *Source) addPages(ctx context.Context, l *listing, d *rowDecoder, skips []int, size int, bufs *buffers) error {
	large, err := s.addTogether(ctx, l, d, skips, size, bufs)
	if err != nil || large < 0 {
		return err
	}
	*bufs = buffers{}
	s.decided(ctx, fmt.Sprintf("the page from row %d is large: asking for it by itself", large))
	_, err = s.addTogether(ctx, l, d, []int{large}, size, bufs)
	return err
}

// addTogether returns the first row of a page that is too large beside the others;
// -1 where there is none.
func (s *Source) addTogether(ctx context.Context, l *listing, d *rowDecoder, skips []int, size int, bufs *buffers) (large int, err error) {
	maxBody := int64(httpclient.MaxBody / len(skips))
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
			page, err := s.sessions.fetch(ctx, query{properties: l.asked, skip: skip, maxBody: maxBody, buf: &bufs[i]})
			answers[i] <- answer{page, err}
		})
	}
	for i, skip := range skips {
		a := <-answers[i]
		switch {
		case a.err != nil && i > 0 && skip != l.end-1:
			return -1, nil // of no use anyway
		case len(skips) > 1 && (httpclient.TooLarge(a.err) || errors.Is(a.err, charset.ErrTooLarge)):
			return skip, nil
		case a.err != nil:
			return -1, a.err
		case i > 0 && skip != l.end-1:
			return -1, nil
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

func (s *Source) add(l *listing, f *fetched, d *rowDecoder) error {
	if err := l.add(f, d); err != nil {
		return decodeError(f.what, err)
	}
	return nil
}
