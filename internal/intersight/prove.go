package intersight

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"iam_session_exporter/internal/httpclient"
)

// proofs is how often a property must be refused by itself. A gateway that refuses
// every tenth request for reasons of its own should not pass for an API that lacks
// a property.
const proofs = 3

// maxConcurrent is how many requests of one refresh are under way at most.
const maxConcurrent = 4

// prove finds the properties that the API does not know after a 400 that names
// none, and asks for the first page without them. Each must be refused by itself,
// time and again, while Moid alone is accepted and the complete list is not. An API
// that contradicts itself proves nothing: then the 400 is returned. It takes at
// most 3 × len(properties) + 7 requests.
func (e *endpoint) prove(ctx context.Context, properties []string, refusal error, buf *bytes.Buffer) (*fetched, error) {
	moid := []string{"Moid"}
	unproven := func(why string, err error) (*fetched, error) {
		if errors.Is(err, context.Canceled) {
			return nil, err // nobody waits
		}
		e.decided(ctx, why+", so that this proves no property unknown: "+refusal.Error())
		return nil, refusal
	}
	if ok, err := e.accepts(ctx, moid); !ok {
		return unproven("Moid alone is refused, too", err)
	}
	f, err := e.fetch(ctx, query{properties: properties, buf: buf})
	if badRequest(err) == nil {
		return f, err // what was refused before is accepted
	}
	suspects := except(properties, "Moid")
	for i := range proofs {
		refused, err := e.refused(ctx, suspects)
		switch {
		case err != nil:
			return unproven("not all properties could be asked for by themselves", err)
		case len(refused) == 0:
			return unproven("no property is refused by itself", nil)
		case i > 0 && len(refused) < len(suspects):
			return unproven("a property is refused and accepted by itself", nil)
		}
		suspects = refused
		if ok, err := e.accepts(ctx, moid); !ok {
			return unproven("Moid alone is refused at times", err)
		}
	}
	if ok, err := e.accepts(ctx, properties); ok || err != nil {
		return unproven("all properties are accepted at times", err)
	}
	known := except(properties, suspects...)
	if len(known) == 0 {
		return unproven("no property is known", nil)
	}
	e.decided(ctx, fmt.Sprintf("asking without %s, each of which was refused by itself", strings.Join(suspects, ",")))
	if f, err = e.fetch(ctx, query{properties: known, buf: buf}); err != nil {
		return unproven("the others are refused, too", err)
	}
	e.learn(known)
	return f, nil
}

// accepts reports whether the API answers a request for some properties of one
// row. A failure other than a 400 is an error.
func (e *endpoint) accepts(ctx context.Context, properties []string) (bool, error) {
	_, err := e.fetch(ctx, query{properties: properties, top: 1, maxBody: httpclient.MaxBody / maxConcurrent})
	if badRequest(err) != nil {
		return false, nil
	}
	return err == nil, err
}

// refused returns those properties that are refused when asked for by themselves.
func (e *endpoint) refused(ctx context.Context, properties []string) ([]string, error) {
	accepted, errs := make([]bool, len(properties)), make([]error, len(properties))
	var wg sync.WaitGroup
	var failed atomic.Bool
	slots := make(chan struct{}, maxConcurrent)
	for i, p := range properties {
		slots <- struct{}{}
		if failed.Load() {
			break
		}
		wg.Go(func() {
			if accepted[i], errs[i] = e.accepts(ctx, []string{p}); errs[i] != nil {
				failed.Store(true)
			}
			<-slots
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var refused []string
	for i, p := range properties {
		if !accepted[i] {
			refused = append(refused, p)
		}
	}
	return refused, nil
}
