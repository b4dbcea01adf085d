import { sqliteSubject } from '../../conformance/subjects/sqlite.ts';
import { describeFeatures } from './index.ts';

describeFeatures(sqliteSubject);
