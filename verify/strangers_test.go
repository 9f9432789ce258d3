package verify

import "testing"

func TestMatchesStrangers(t *testing.T) {
	for pattern, want := range map[string]bool{
		`.*`:        true,
		`.+@.+\..+`: true,
		`https://github\.com/.+/.+/\.github/workflows/release\.ya?ml@refs/tags/.*`:        true,
		`https://github\.com/[^/]+/[^/]+/\.github/workflows/publish\.yml@refs/heads/main`: true,
		`https://gitlab\.com/.+//\.gitlab-ci\.yml@refs/heads/main`:                        true,
		`.*@gmail\.com`: true,
		`.*/\.github/workflows/(build|ci)\.yml@.*`:                                                   true,
		`https://github\.com/hallmark-project/.+/\.github/workflows/release\.yml@refs/tags/.*`:       false,
		`https://github\.com/hallmark-project/hallmark/\.github/workflows/[a-z]+\.yml@refs/heads/.*`: false,
		`(ada|bob)@acme\.example`: false,
		`.*@acme\.example`:        false,
	} {
		p, err := anchored(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := matchesStrangers(p, pattern); got != want {
			t.Errorf("matchesStrangers(%q) = %t, want %t", pattern, got, want)
		}
	}
}
