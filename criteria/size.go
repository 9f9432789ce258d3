package criteria

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes as people write it: "16MiB", "512KiB", "100B".
type Size int64

// units are powers of 1024, the largest first. A decimal MB is refused: half of
// those who write it mean the other.
var units = [...]struct {
	name string
	size Size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// ParseSize reads what [Size.String] writes. It must be positive.
func ParseSize(s string) (Size, error) {
	no := func() (Size, error) {
		return 0, fmt.Errorf("%q is no size: write for example 16MiB or 512KiB", s)
	}
	for _, u := range units {
		number, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		// ParseUint alone would take a sign or an underscore for something.
		if number == "" || strings.Trim(number, "0123456789") != "" {
			return no()
		}
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || n == 0 {
			return no()
		}
		return Size(n) * u.size, nil
	}
	return no()
}

// String writes s in the largest unit that it is a multiple of.
func (s Size) String() string {
	for _, u := range units {
		if s != 0 && s%u.size == 0 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return "0B"
}

// MarshalText implements [encoding.TextMarshaler].
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Size) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSize(string(text))
	return err
}
