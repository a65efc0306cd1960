"""Evidence: packs of logs fit to be committed, their verification, stored responses graded again; without a model."""
