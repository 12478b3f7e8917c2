/** Something the user can mend: one line that says what is wrong and what to do. Exit 1. */
export class UserError extends Error {}
