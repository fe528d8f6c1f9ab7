-- The first key of keyed masks: random, made here, read by the engine alone.
SELECT jitmask.create_default_key();
