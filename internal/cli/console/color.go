package console

// Color is an ANSI colour.
type Color string

// The colours of answers.
const (
	Green  Color = "32"
	Red    Color = "1;31"
	Yellow Color = "33"
)

// Paint returns word in color where colour is shown.
func (c IO) Paint(color Color, word string) string {
	if !c.Color {
		return word
	}
	return "\x1b[" + string(color) + "m" + word + "\x1b[0m"
}
