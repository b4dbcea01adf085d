import { sqliteSubject } from '../../conformance/subjects/sqlite.ts';
import { describeTable } from './index.ts';

describeTable(sqliteSubject);
