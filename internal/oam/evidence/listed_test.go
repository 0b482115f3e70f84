package evidence

import (
	"fmt"
	"testing"

	"iam_session_exporter/internal/oam/filter"
)

// An address stands for a set of each store, if there are stores apart. How many
// stores there are is up to the server: the sets don't grow with them without bound.
func TestAddressesOfManyStores(t *testing.T) {
	const addresses = 5
	for _, c := range []struct {
		stores, want int
	}{{3, 3 * addresses}, {maxApart - 1, (maxApart - 1) * addresses}, {maxApart, 0}, {50 * maxApart, 0}} {
		l := New(Setup{Past: Past{Can: filter.Capabilities{ExactIP: filter.Exact, Case: filter.Sensitive}, Beyond: true}, Width: 1})
		row := func(ip, store string) filter.Row {
			return filter.Row{Ref: len(l.Rows()), IP: ip, Store: store, Created: 1000}
		}
		l.Add(filter.Query{}, found(100_000))
		for i := range c.stores {
			l.Add(filter.Query{}, found(100_000, row("", fmt.Sprint("store", i))))
		}
		l.Add(filter.Query{Store: "apart"}, found(1, row("", "apart")))
		for i := range addresses {
			ip := fmt.Sprint("10.0.0.", i)
			l.Add(filter.Query{IP: ip}, found(1, row(ip, "store0")))
		}
		if got := len(l.Result().FullyListed); got != c.want {
			t.Errorf("%d stores and one apart: got %d sets of %d addresses, want %d", c.stores, got, addresses, c.want)
		}
	}
}
