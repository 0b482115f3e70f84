package endtoend

import (
	"os"
	"testing"
	"time"
)

// Tests that draw worlds, servers or faults by chance take long, since what is rare
// must come up among them. With -short they draw an eighth, and with SOAK many more.

// shortened is n, or with -short an eighth of it.
func shortened[N int | uint64 | time.Duration](n N) N {
	if testing.Short() {
		return max(n/8, 1)
	}
	return n
}

// combinations is how many servers a property test draws.
func combinations(everyday int) uint64 {
	if os.Getenv("SOAK") != "" {
		return uint64(everyday) * 100
	}
	return uint64(shortened(everyday))
}

// lasting is how long a test draws: the time given, or that of SOAK, such as 1h.
func lasting(everyday time.Duration) time.Duration {
	soak := os.Getenv("SOAK")
	if soak == "" {
		return shortened(everyday)
	}
	if d, err := time.ParseDuration(soak); err == nil {
		return d
	}
	return 10 * time.Minute
}
