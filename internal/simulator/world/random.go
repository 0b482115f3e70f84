package world

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

func newRand(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

// exponential draws a waiting time with the given mean.
func exponential(r *rand.Rand, mean time.Duration) time.Duration {
	return time.Duration(math.Min(r.ExpFloat64(), 50) * float64(mean))
}

// Hash is a fixed, seedless hash; it decides what must not change from one
// answer to the next.
func Hash(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	// FNV's high bits are poor for short inputs that differ at the end.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// zipf draws indexes 0..n-1 whose frequency falls with rank to the power of an
// exponent.
type zipf struct{ cumulated []float64 }

func newZipf(n int, exponent float64) zipf {
	z := zipf{make([]float64, n)}
	sum := 0.0
	for i := range n {
		sum += math.Pow(float64(i+1), -exponent)
		z.cumulated[i] = sum
	}
	return z
}

func (z zipf) draw(r *rand.Rand) int {
	x := r.Float64() * z.cumulated[len(z.cumulated)-1]
	i, _ := slices.BinarySearch(z.cumulated, x)
	return min(i, len(z.cumulated)-1)
}

// quotas shares total out over the ranks as evenly as whole numbers allow, at
// least one for each rank as long as there are enough.
func (z zipf) quotas(total int) []int {
	n := len(z.cumulated)
	out := make([]int, n)
	// The first k have a share of at least one, when each after them has one.
	k, rest := n, total
	for ; k > 0; k, rest = k-1, rest-1 {
		last := z.cumulated[k-1]
		if k > 1 {
			last -= z.cumulated[k-2]
		}
		if float64(rest)*last >= z.cumulated[k-1] {
			break
		}
	}
	if k == 0 { // fewer than there are
		for i := range total {
			out[i] = 1
		}
		return out
	}
	given := 0
	for i := range out {
		out[i] = 1
		if i < k {
			// Rounding the cumulated share keeps the sum exact.
			out[i] = int(math.Round(float64(rest)*z.cumulated[i]/z.cumulated[k-1])) - given
			given += out[i]
		}
	}
	return out
}

// spread lists each index as often as its quota says, shuffled.
func (z zipf) spread(r *rand.Rand, total int) []int {
	out := make([]int, 0, total)
	for i, n := range z.quotas(total) {
		for range n {
			out = append(out, i)
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// moid makes an Intersight object id: like the real ones, its first third is the
// time and the end is a counter.
func moid(at time.Time, counter uint64) string {
	return fmt.Sprintf("%08x7375732d30%06x", uint32(at.Unix()), counter&0xffffff)
}

func randomMoid(r *rand.Rand) string { return fmt.Sprintf("%016x%08x", r.Uint64(), r.Uint32()) }

// oamSessionID makes an OAM session id: a UUID and the hash of its user, which
// is how the product's own samples are made.
func oamSessionID(r *rand.Rand, user, store string) string {
	a, b := r.Uint64(), r.Uint64()
	sum := sha256.Sum256([]byte(user + store))
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x|%s", a>>32, a>>16&0xffff, a&0xfff,
		b>>48&0x3fff|0x8000, b&0xffffffffffff, base64.StdEncoding.EncodeToString(sum[:]))
}
