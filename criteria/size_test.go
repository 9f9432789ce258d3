package criteria_test

import (
	"testing"

	"github.com/hallmark-project/hallmark/criteria"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]criteria.Size{
		"1B": 1, "512KiB": 512 << 10, "8MiB": 8 << 20, "2GiB": 2 << 30, "010MiB": 10 << 20, "4294967295GiB": 4294967295 << 30,
	} {
		if got, err := criteria.ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "0B", "0MiB", "8", "8MB", "8M", "8mib", "8 MiB", " 8MiB", "8MiB ", "-8MiB", "+8MiB", "1_0MiB", "1.5MiB", "0x8MiB", "MiB", "B", "8MiBB",
		"4294967296B", "99999999999999999999B", "٨MiB",
	} {
		if got, err := criteria.ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", text, got)
		}
	}
}

func TestSizeString(t *testing.T) {
	for want, size := range map[string]criteria.Size{"0B": 0, "1B": 1, "1025B": 1025, "1KiB": 1 << 10, "8MiB": 8 << 20, "3GiB": 3 << 30} {
		if got := size.String(); got != want {
			t.Errorf("Size(%d) = %q, want %q", size, got, want)
		}
		if size == 0 {
			continue
		}
		if back, err := criteria.ParseSize(want); err != nil || back != size {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", want, back, err, size)
		}
	}
}
