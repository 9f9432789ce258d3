package verify

import "slices"

// people are those who signed something, each with the entries of the trust file
// that his signatures count as.
type people map[Identity][]int

// add notes that who signed as the entry at place.
func (p people) add(who Identity, place int) {
	who.Name = "" // of the entry, and not of the person
	if !slices.Contains(p[who], place) {
		p[who] = append(p[who], place)
	}
}

// count is how many of them there are, if each stands for one entry and each
// entry for one of them: one person is one signer though several entries fit what
// he signs, and one entry is one signer though it fits several people.
func (p people) count() int {
	holder := make(map[int]Identity)
	var seat func(who Identity, tried map[int]bool) bool
	seat = func(who Identity, tried map[int]bool) bool {
		for _, place := range p[who] {
			if tried[place] {
				continue
			}
			tried[place] = true
			other, taken := holder[place]
			if !taken || seat(other, tried) {
				holder[place] = who
				return true
			}
		}
		return false
	}
	for who := range p {
		seat(who, make(map[int]bool))
	}
	return len(holder)
}
