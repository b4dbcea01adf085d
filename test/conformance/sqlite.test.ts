import { describeStore } from './index.ts';
import { sqliteSubject } from './subjects/sqlite.ts';

describeStore(sqliteSubject);
