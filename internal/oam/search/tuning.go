package search

// What decides how many queries a refresh takes, and never what it says. Each number
// was chosen by a row of the report of `make bench`, or by the test that is named.
const (
	// reach: lists are within reach if they take at most so many queries for each
	// window's worth of sessions ("3,000 drawn" with some room, "3,000 drawn,
	// wildcards").
	reachByValue  = 5.0
	reachByPrefix = 3.0

	// maxFruitless is how many queries may bring nothing before listing ends, and a
	// tenth of those asked ("3,000 fixed").
	maxFruitless = 40

	// leastYield is the number of new rows below which nothing is asked.
	leastYield = 0.002
	// missesSampled and missesUnknown are how many rows may be expected of a set in
	// vain before it is given up: of sampled rows, and if that is not known ("500
	// drawn").
	missesSampled = 8.0
	missesUnknown = 3.0
	// restShare is taken off of what a value is expected to have hidden for each that
	// was seen: part of it belongs to values that were never seen ("3,000 drawn").
	restShare = 0.6

	// leaf is the largest set, by what is expected, that is asked for rather than
	// divided: one window lists it in full. sampledLeaf is how much larger it may be
	// if rows are sampled, so that a second query lists the rest ("3,000 drawn,
	// wildcards").
	leaf        = 28
	sampledLeaf = 4
	// missedCost is about how many queries it takes to find what dividing by values
	// has missed, and valueCost what each such division is charged ("3,000 fixed,
	// wildcards").
	missedCost = 4
	valueCost  = 0.2
	// hardlyHidden is how much may be expected to be hidden in a set that is not asked
	// for, if the last list knew all ("3,000 fixed, wildcards", later refreshes).
	hardlyHidden = 0.3
	// stays is the odds that a session of the last list is still there, and
	// hardlyFound the number of sessions below which nothing is asked for to list them
	// again; clearlyDenser is by how much a part by times must be worth more than
	// another query ("3,000 drawn", later refreshes).
	stays         = 50.0
	hardlyFound   = 0.1
	clearlyDenser = 1.02
	// maxRepeats is how often the same set is asked for while rows are sampled.
	maxRepeats = 20

	// worthAsking and largeShare are the sessions that a part of a store by times
	// should have: where all are to be listed, and where new addresses are looked for
	// ("3,000 fixed", "100,000 fixed").
	worthAsking = 4
	largeShare  = 21
	// agesFruitless is how many such queries may bring nothing ("100,000 fixed").
	agesFruitless = 12

	// discovery is how many queries a refresh may take to find what is new, once the
	// largest addresses are known (TestWhatIsNewIsFoundInLargeWorlds).
	discovery = 40
	// enough rows for each address that is wanted show which those are ("100,000
	// drawn").
	enough = 60
	// farBelow is the share of the smallest address that will be published below which
	// others are not counted ("100,000 drawn").
	farBelow = 0.4
	// knownShare is the share of the size of the smallest one wanted from which on
	// addresses that are remembered are counted first ("100,000 fixed").
	knownShare = 0.6
	// often is how often an address turns up before it is counted ahead of users
	// ("100,000 fixed").
	often = 4
	// maxGrown is how many addresses that seem to have grown are counted in a refresh
	// (TestWhatIsNewIsFoundInLargeWorlds).
	maxGrown = 10
	// agesShare and windowsShare are the parts of the first refreshes' queries that go to
	// parts of stores by times, and to parts of addresses by store ("100,000 fixed").
	agesShare    = 0.36
	windowsShare = 0.3
	// some is how many rounds of queries are chosen at once where the answers to some
	// say little of the others.
	some = 8
)
