/**
 * Which defaults hold: those of an API that answers with data, or those of a site that answers with pages.
 *
 * An API never redirects silently, may not be framed and loads nothing; a site gets helmet's set.
 */
export type Profile = 'api' | 'web';

/** Whether a part denies what it refuses, or only publishes it: for finding out what a rule would do. */
export type Enforcement = 'enforce' | 'report';
