import { sqliteSubject } from '../conformance/subjects/sqlite.ts';
import { describeHistories } from './index.ts';

// Few: each verb is a commit with an fsync, one at a time.
describeHistories(sqliteSubject, 15);
