"""Running a survey: the questionnaire for each tool (:mod:`forms`), and how many answers are needed (:mod:`plan`)."""
