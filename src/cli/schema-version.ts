/** Version of the shape of everything printed with --json; the first field of every object. */
export const schemaVersion = 1;
