package roster

import "testing"

func TestTransportMode(t *testing.T) {
	t.Parallel()
	for i, m := range []TransportMode{OnFoot, Bicycle, EBike, Motorcycle, Car} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			if !m.Valid() || m.tag() != uint8(i) || ModeOf(m.tag()) != m {
				t.Errorf("valid %v, tag %d, back %s", m.Valid(), m.tag(), ModeOf(m.tag()))
			}
			if s := m.Speed(); s < 1.8 || s > 8.4 { // 8.4 m/s is 30 km/h
				t.Errorf("a speed of %v m/s is not one of a city", s)
			}
		})
	}
	t.Run("none of them", func(t *testing.T) {
		t.Parallel()
		if m := TransportMode("HORSE"); m.Valid() || m.Speed() != OnFoot.Speed() || m.tag() != OnFoot.tag() || ModeOf(200) != OnFoot {
			t.Error("what is no mode is not treated as on foot")
		}
	})
}
